// Which socket has which name, where no directory says it: abstract names (unix(7))
// and ports. And the files that are under way between sockets.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "os/files/socket_name.h"
#include "os/result.h"

namespace faultline::os {

class OpenFile;
class Socket;

class SocketNames {
 public:
  // Files in messages that nobody has received (SCM_RIGHTS). Those of a socket that
  // is under way to itself come free at the end of the run only, so they are bounded.
  static constexpr uint64_t kFilesMost = 4096;

  // Gives the socket the name: EADDRINUSE.
  Result<> take(const std::shared_ptr<Socket>& socket, const SocketName& name);
  // A name that nobody has: an abstract one (five hexadecimal digits), or a port of
  // those that Linux hands out.
  Result<SocketName> take_free(const std::shared_ptr<Socket>& socket, const SocketName& wanted);
  // Who has it and can be reached by it; null: nobody.
  std::shared_ptr<Socket> find(SocketKind kind, const SocketName& name) const;
  void forget(const Socket& socket);

  // Drops references, without recursion: closing a file may drop more of them.
  void release(std::vector<std::shared_ptr<OpenFile>> files);

  // Sockets that hold files which were sent to them.
  void note_files(const std::shared_ptr<Socket>& socket);
  void drop_everything();

  uint64_t files_under_way = 0;

 private:
  struct AbstractKey {
    SocketKind kind;
    std::string bytes;
    auto operator<=>(const AbstractKey&) const = default;
  };
  struct Bound {
    InternetPlace place;
    std::weak_ptr<Socket> socket;
  };
  bool place_is_taken(const Socket& socket, const InternetPlace& place) const;

  std::map<AbstractKey, std::weak_ptr<Socket>> abstract_;
  std::multimap<std::pair<SocketKind, uint16_t>, Bound> ports_;
  std::map<uint64_t, std::weak_ptr<Socket>> holders_;  // by inode
  std::vector<std::shared_ptr<OpenFile>> leaving_;
  bool releasing_ = false;
  uint32_t next_abstract_ = 0;
  uint16_t next_port_ = 32768;  // net.ipv4.ip_local_port_range
};

}  // namespace faultline::os
