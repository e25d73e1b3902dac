// /proc/PID/oom_score_adj (proc(5)).
#include <array>
#include <charconv>

#include "os/files/proc_nodes.h"

namespace faultline::os {

namespace {

constexpr int kMost = 1000;

class OomAdjustment final : public Inode {
 public:
  OomAdjustment(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid)
      : Inode(mount, InodeType::regular, number, proc_attributes(vfs, 0644)), vfs_(vfs), pid_(pid) {}

  bool seekable() const override { return true; }
  Co<Result<>> open(OpenFile&, Sleeper&) override { co_return Unit{}; }
  Co<Result<>> truncate(IoContext&, uint64_t) override { co_return Unit{}; }

  Co<Result<uint64_t>> read(IoContext& io, OpenFile&, uint64_t offset, VirtAddr to, uint64_t bytes) override {
    const auto process = vfs_.processes()->process(pid_);
    if (!process) co_return Errno{ESRCH};
    const std::string text = std::to_string(process->oom_adjustment) + "\n";
    if (offset >= text.size()) co_return uint64_t{0};
    const uint64_t count = std::min<uint64_t>(bytes, text.size() - offset);
    const auto* from = reinterpret_cast<const uint8_t*>(text.data()) + offset;
    auto copied = co_await io.user.write(to, std::span<const uint8_t>(from, count));
    if (!copied) co_return copied.error();
    co_return count;
  }

  // Below what it was given takes CAP_SYS_RESOURCE, which nobody has.
  Co<Result<uint64_t>> write(IoContext& io, OpenFile&, uint64_t& offset, VirtAddr from, uint64_t bytes) override {
    std::array<char, 12> text{};
    const uint64_t length = std::min<uint64_t>(bytes, text.size());
    auto copied = co_await io.user.read(from, std::span(reinterpret_cast<uint8_t*>(text.data()), length));
    if (!copied) co_return copied.error();
    int value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + length, value);
    const bool whole = parsed.ec == std::errc() && (parsed.ptr == text.data() + length || *parsed.ptr == '\n');
    if (!whole || value < -kMost || value > kMost) co_return Errno{EINVAL};
    if (value < 0) co_return Errno{EACCES};
    if (!vfs_.processes()->set_oom_adjustment(pid_, value)) co_return Errno{ESRCH};
    offset += bytes;
    co_return bytes;
  }

 private:
  const Vfs& vfs_;
  int32_t pid_;
};

}  // namespace

InodePtr make_oom_adjustment(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid) {
  return std::make_shared<OomAdjustment>(vfs, mount, number, pid);
}

}  // namespace faultline::os
