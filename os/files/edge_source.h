// What edge-triggered waiting (epoll(7), EPOLLET) counts.
#pragma once

#include <cstdint>

namespace faultline::os {

// An inode that says how often something came that can be read, and how often
// room to write: more than needed does no harm, fewer would lose an event.
class EdgeSource {
 public:
  virtual ~EdgeSource() = default;
  virtual uint64_t in_edges() const = 0;
  virtual uint64_t out_edges() const = 0;
};

}  // namespace faultline::os
