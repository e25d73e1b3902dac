// The names of sockets, as sockaddr of a program says them (unix(7), ip(7), ipv6(7)),
// and what else tells sockets apart.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

namespace faultline::os {

// Address families of linux/socket.h that there are.
inline constexpr uint16_t kFamilyNone = 0;
inline constexpr uint16_t kFamilyLocal = 1;
inline constexpr uint16_t kFamilyInternet = 2;
inline constexpr uint16_t kFamilyInternet6 = 10;

// enum sock_type of linux/net.h.
enum class SocketKind : uint8_t { stream = 1, datagrams = 2, raw = 3, packets = 5 };

// struct ucred: who sent a message, or is at the other end.
struct SocketCredentials {
  int32_t pid = 0;
  uint32_t uid = ~0u;
  uint32_t gid = ~0u;
};

// What a sockaddr holds behind its family; empty: no name.
struct SocketName {
  uint16_t family = kFamilyNone;
  std::string bytes;

  bool empty() const { return bytes.empty(); }
  // Of a local one: it lies in no directory.
  bool abstract() const { return family == kFamilyLocal && !bytes.empty() && bytes.front() == '\0'; }
};

// A place on the only network that there is, the loopback.
struct InternetPlace {
  uint16_t port = 0;
  std::array<uint8_t, 16> address{};  // of IPv4: as ipv6(7) maps it

  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

  bool is_ipv4() const { return std::equal(kMapped.begin(), kMapped.end(), address.begin()); }
  bool is_any() const {
    const size_t from = is_ipv4() ? 12 : 0;
    return std::all_of(address.begin() + static_cast<ptrdiff_t>(from), address.end(), [](uint8_t b) { return b == 0; });
  }
  bool is_loopback() const {
    if (is_ipv4()) return address[12] == 127;
    return address[15] == 1 && std::all_of(address.begin(), address.end() - 1, [](uint8_t b) { return b == 0; });
  }

  // From the bytes behind the family in sockaddr_in and sockaddr_in6: at least 14 and
  // 26 of them.
  static InternetPlace of(uint16_t family, const std::string& bytes) {
    InternetPlace place;
    const auto* raw = reinterpret_cast<const uint8_t*>(bytes.data());
    place.port = static_cast<uint16_t>(raw[0] << 8 | raw[1]);
    if (family == kFamilyInternet) {
      std::copy(kMapped.begin(), kMapped.end(), place.address.begin());
      std::copy(raw + 2, raw + 6, place.address.begin() + 12);
    } else {
      std::copy(raw + 6, raw + 22, place.address.begin());
    }
    return place;
  }
  SocketName name(uint16_t family) const {
    SocketName made{family, std::string(family == kFamilyInternet ? 14 : 26, '\0')};
    auto* raw = reinterpret_cast<uint8_t*>(made.bytes.data());
    raw[0] = static_cast<uint8_t>(port >> 8);
    raw[1] = static_cast<uint8_t>(port);
    if (family == kFamilyInternet) {
      std::copy(address.begin() + 12, address.end(), raw + 2);
    } else {
      std::copy(address.begin(), address.end(), raw + 6);
    }
    return made;
  }
};

inline bool is_internet(uint16_t family) { return family == kFamilyInternet || family == kFamilyInternet6; }

}  // namespace faultline::os
