#include "os/files/socket_names.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include "os/files/open_file.h"
#include "os/files/socket.h"

namespace faultline::os {

namespace {

constexpr uint16_t kFirstPort = 32768;  // net.ipv4.ip_local_port_range
constexpr uint16_t kLastPort = 60999;
constexpr uint32_t kAbstractNames = 0x100000;

}  // namespace

// Both may reuse it and nobody listens there (socket(7), SO_REUSEADDR), or it is taken.
bool SocketNames::place_is_taken(const Socket& socket, const InternetPlace& place) const {
  const auto [first, last] = ports_.equal_range({socket.kind(), place.port});
  for (auto it = first; it != last; ++it) {
    const std::shared_ptr<Socket> other = it->second.socket.lock();
    if (!other || other.get() == &socket) continue;
    const InternetPlace& theirs = it->second.place;
    const bool meets = theirs.is_any() || place.is_any() || theirs.address == place.address;
    const bool shared = (socket.options.reuse_port && other->options.reuse_port) ||
                        (socket.options.reuse_address && other->options.reuse_address && !other->listening());
    if (meets && !shared) return true;
  }
  return false;
}

Result<> SocketNames::take(const std::shared_ptr<Socket>& socket, const SocketName& name) {
  if (name.family == kFamilyLocal) {
    std::weak_ptr<Socket>& place = abstract_[{socket->kind(), name.bytes}];
    if (!place.expired()) return Errno{EADDRINUSE};
    place = socket;
    return Unit{};
  }
  const InternetPlace place = InternetPlace::of(name.family, name.bytes);
  if (place_is_taken(*socket, place)) return Errno{EADDRINUSE};
  ports_.emplace(std::pair(socket->kind(), place.port), Bound{place, socket});
  return Unit{};
}

Result<SocketName> SocketNames::take_free(const std::shared_ptr<Socket>& socket, const SocketName& wanted) {
  SocketName name = wanted;
  if (wanted.family == kFamilyLocal) {
    for (uint32_t tries = 0; tries < kAbstractNames; ++tries) {
      char digits[6];
      std::snprintf(digits, sizeof digits, "%05x", next_abstract_++ % kAbstractNames);
      name.bytes = std::string(1, '\0') + digits;
      if (take(socket, name)) return name;
    }
    return Errno{ENOSPC};
  }
  InternetPlace place = InternetPlace::of(wanted.family, wanted.bytes);
  for (unsigned tries = 0; tries <= kLastPort - kFirstPort; ++tries) {
    place.port = next_port_;
    next_port_ = next_port_ == kLastPort ? kFirstPort : static_cast<uint16_t>(next_port_ + 1);
    name = place.name(wanted.family);
    if (!ports_.contains({socket->kind(), place.port}) && take(socket, name)) return name;
  }
  return Errno{EADDRINUSE};
}

std::shared_ptr<Socket> SocketNames::find(SocketKind kind, const SocketName& name) const {
  if (name.family == kFamilyLocal) {
    const auto it = abstract_.find({kind, name.bytes});
    return it == abstract_.end() ? nullptr : it->second.lock();
  }
  InternetPlace place = InternetPlace::of(name.family, name.bytes);
  std::shared_ptr<Socket> any;
  const auto [first, last] = ports_.equal_range({kind, place.port});
  for (auto it = first; it != last; ++it) {
    const std::shared_ptr<Socket> socket = it->second.socket.lock();
    // What is accepted has its listener's place, and is reached through its peer alone.
    if (!socket || (kind == SocketKind::stream && !socket->listening())) continue;
    // A socket of IPv4 hears nothing of IPv6.
    if (!place.is_ipv4() && socket->family() == kFamilyInternet) continue;
    if (it->second.place.address == place.address && !place.is_any()) return socket;
    if (it->second.place.is_any() || place.is_any()) any = socket;
  }
  return any;
}

void SocketNames::forget(const Socket& socket) {
  const SocketName& name = socket.own_name();
  holders_.erase(socket.number());
  if (name.abstract()) {
    const auto it = abstract_.find({socket.kind(), name.bytes});
    if (it != abstract_.end() && (it->second.expired() || it->second.lock().get() == &socket)) abstract_.erase(it);
  }
  if (!is_internet(name.family) || name.empty()) return;
  const auto [first, last] = ports_.equal_range({socket.kind(), InternetPlace::of(name.family, name.bytes).port});
  for (auto it = first; it != last;) {
    const std::shared_ptr<Socket> other = it->second.socket.lock();
    it = !other || other.get() == &socket ? ports_.erase(it) : std::next(it);
  }
}

void SocketNames::release(std::vector<std::shared_ptr<OpenFile>> files) {
  files_under_way -= files.size();
  for (auto& file : files) leaving_.push_back(std::move(file));
  if (releasing_) return;
  releasing_ = true;
  while (!leaving_.empty()) {
    const std::shared_ptr<OpenFile> file = std::move(leaving_.back());
    leaving_.pop_back();
  }
  releasing_ = false;
}

void SocketNames::note_files(const std::shared_ptr<Socket>& socket) { holders_[socket->number()] = socket; }

void SocketNames::drop_everything() {
  while (!holders_.empty()) {
    const std::shared_ptr<Socket> socket = holders_.begin()->second.lock();
    holders_.erase(holders_.begin());
    if (socket) socket->drop_queue();
  }
}

}  // namespace faultline::os
