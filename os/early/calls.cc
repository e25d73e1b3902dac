// The system calls of a machine without paging, with the numbers and errors of
// Linux where Linux has them.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "os/early/monitor.h"
#include "os/files/directory.h"
#include "os/files/vfs.h"
#include "os/syscall/syscall.h"

namespace faultline::os::early {

namespace {

constexpr int kFirstFile = 3;
constexpr int kMostFiles = 16;
constexpr uint64_t kLongestPath = 4096;
constexpr uint64_t kMostArguments = 256;
constexpr uint64_t kFarCall = kSpawnCall + 1;  // stands for all numbers from here on
constexpr uint32_t kAccessMode = 3;
constexpr uint64_t kWaitNoHang = 1;
constexpr int kSigbus = 7;
constexpr int kSigpipe = 13;
// write(2), Notes: the most that one call transfers.
constexpr uint64_t kMostBytes = 0x7ffff000;

std::string name_of(uint64_t number) {
  if (number == kSpawnCall) return "spawn";
  const std::string_view name = syscall_name(number);
  return name.empty() ? fmt::format("syscall_{}", number) : std::string(name);
}

}  // namespace

Monitor::Handler Monitor::handler_of(uint64_t number) {
  switch (number) {
    case 56:
      return &Monitor::do_open;
    case 57:
      return &Monitor::do_close;
    case 62:
      return &Monitor::do_seek;
    case 63:
      return &Monitor::do_read;
    case 64:
      return &Monitor::do_write;
    case 67:
      return &Monitor::do_pread;
    case 93:
    case 94:
      return &Monitor::do_exit;
    case 124:
      return &Monitor::do_yield;
    case 172:
      return &Monitor::do_getpid;
    case 173:
      return &Monitor::do_getppid;
    case 214:
      return &Monitor::do_brk;
    case 260:
      return &Monitor::do_wait;
    case kSpawnCall:
      return &Monitor::do_spawn;
    default:
      return nullptr;
  }
}

void Monitor::count_call(uint64_t number, bool known) {
  ++calls_[std::min(number, kFarCall)];
  if (known || !unknown_calls_.insert(std::min(number, kFarCall)).second) return;
  parts_.say(fmt::format("system call {} ({}) does not exist without paging: ENOSYS", number, name_of(number)));
}

std::vector<std::pair<std::string, uint64_t>> Monitor::syscall_counts() const {
  std::vector<std::pair<std::string, uint64_t>> named;
  for (const auto& [number, count] : calls_) named.emplace_back(name_of(number), count);
  return named;
}

// --- the program's memory --------------------------------------------------------

Result<uint64_t> Monitor::user_word(const Program& program, uint64_t address) {
  const std::optional<PhysAddr> at = store_.user_range(program.image, address, 8);
  if (!at) return Errno{EFAULT};
  cpu().touch(*at, 1, false);
  return cpu().memory().load<uint64_t>(*at);
}

Result<std::string> Monitor::user_string(const Program& program, uint64_t address, uint64_t most) {
  std::string text;
  for (; text.size() < most; ++address) {
    const std::optional<PhysAddr> at = store_.user_range(program.image, address, 1);
    if (!at) return Errno{EFAULT};
    const char c = static_cast<char>(*cpu().memory().at(*at));
    if (text.empty() || address % 8 == 0) cpu().touch(*at, 1, false);
    if (c == '\0') return text;
    text += c;
  }
  return Errno{ENAMETOOLONG};
}

// --- files -----------------------------------------------------------------------

Monitor::Answer Monitor::do_write(Program& program, const Registers& a) {
  const auto descriptor = static_cast<int>(a[0]);
  if (descriptor != STDOUT_FILENO && descriptor != STDERR_FILENO) return {.value = -EBADF};
  const uint64_t bytes = std::min(a[2], kMostBytes);
  const std::optional<PhysAddr> from = store_.user_range(program.image, a[1], bytes);
  if (!from) return {.value = -EFAULT};
  const PageSize page = store_.page();
  for (uint64_t done = 0; done < bytes;) {
    const PhysAddr at = *from + done;
    const uint64_t piece = std::min(bytes - done, page.bytes() - (at.value & page.mask()));
    cpu().touch(at, piece, false);
    for (uint64_t put = 0; put < piece;) {
      const ssize_t went = ::write(descriptor, cpu().memory().at(at + put), piece - put);
      if (went > 0) {
        put += static_cast<uint64_t>(went);
      } else if (went < 0 && (errno == EINTR || errno == EAGAIN)) {
        if (parts_.stop && parts_.stop->load()) return {.value = -EINTR};
      } else if (errno == EPIPE) {
        end(program, {.code = 0, .signal = kSigpipe});
        return {.kind = Answer::Kind::gone};
      } else {
        return {.value = errno == ENOSPC || errno == EFBIG ? -errno : -EIO};
      }
    }
    done += piece;
  }
  return {.value = static_cast<int64_t>(bytes)};
}

Monitor::Answer Monitor::read_input(Program& program, uint64_t to, uint64_t bytes) {
  const std::optional<PhysAddr> at = store_.user_range(program.image, to, bytes);
  if (!at) return {.value = -EFAULT};
  const PageSize page = store_.page();
  uint64_t done = 0;
  while (done < bytes) {
    const PhysAddr piece_at = *at + done;
    const uint64_t wanted = std::min(bytes - done, page.bytes() - (piece_at.value & page.mask()));
    const ssize_t got = ::read(STDIN_FILENO, cpu().memory().at(piece_at), wanted);
    if (got == 0) break;
    if (got > 0) {
      cpu().touch(piece_at, static_cast<uint64_t>(got), true);
      done += static_cast<uint64_t>(got);
    } else if (errno != EINTR) {
      return {.value = done != 0 ? static_cast<int64_t>(done) : -EIO};
    } else if (parts_.stop && parts_.stop->load()) {
      return {.value = -EINTR};
    }
  }
  return {.value = static_cast<int64_t>(done)};
}

Monitor::Answer Monitor::read_file(Program& program, const OpenProgramFile& file, uint64_t offset, uint64_t to,
                                   uint64_t bytes) {
  const uint64_t size = file.inode->size();
  bytes = std::min({bytes, kMostBytes, offset < size ? size - offset : 0});
  if (bytes == 0) return {.value = 0};
  const std::optional<PhysAddr> at = store_.user_range(program.image, to, bytes);
  if (!at) return {.value = -EFAULT};
  Result<uint64_t> got = files_.read(file.inode, offset, *at, bytes);
  if (!got) return {.value = -got.error().value};
  ++statistics_.file_reads;
  statistics_.bytes_read += *got;
  return {.value = static_cast<int64_t>(*got)};
}

Monitor::Answer Monitor::do_read(Program& program, const Registers& a) {
  const auto descriptor = static_cast<int>(a[0]);
  if (descriptor == STDIN_FILENO) return read_input(program, a[1], std::min(a[2], kMostBytes));
  const auto file = program.files.find(descriptor);
  if (file == program.files.end()) return {.value = -EBADF};
  const Answer answer = read_file(program, file->second, file->second.offset, a[1], a[2]);
  if (answer.value > 0) file->second.offset += static_cast<uint64_t>(answer.value);
  return answer;
}

Monitor::Answer Monitor::do_pread(Program& program, const Registers& a) {
  const auto file = program.files.find(static_cast<int>(a[0]));
  if (file == program.files.end()) return {.value = a[0] <= STDERR_FILENO ? -ESPIPE : -EBADF};
  if (static_cast<int64_t>(a[3]) < 0) return {.value = -EINVAL};
  return read_file(program, file->second, a[3], a[1], a[2]);
}

// Files can be read, and nothing else: programs that change files belong to paging.
Monitor::Answer Monitor::do_open(Program& program, const Registers& a) {
  Result<std::string> path = user_string(program, a[1], kLongestPath);
  if (!path) return {.value = -path.error().value};
  if ((a[2] & kAccessMode) != 0) return {.value = -EROFS};
  const std::shared_ptr<FsContext> context = parts_.vfs.initial_context();
  cpu().charge(Cycles(costs().path_component));
  Result<InodePtr> found = parts_.vfs.find(context->current, *path, Vfs::Last::follow);
  if (!found) return {.value = -found.error().value};
  const Inode& inode = **found;
  if (!inode.is(InodeType::regular) || inode.mapping() != Inode::Mapping::file) return {.value = -EACCES};
  if (const Result<> allowed = parts_.vfs.check_access(inode, 4); !allowed) return {.value = -allowed.error().value};
  int descriptor = kFirstFile;
  while (program.files.contains(descriptor)) ++descriptor;
  if (descriptor >= kMostFiles) return {.value = -EMFILE};
  program.files[descriptor] = {.inode = *found};
  return {.value = descriptor};
}

Monitor::Answer Monitor::do_close(Program& program, const Registers& a) {
  return {.value = program.files.erase(static_cast<int>(a[0])) != 0 ? 0 : -EBADF};
}

Monitor::Answer Monitor::do_seek(Program& program, const Registers& a) {
  const auto file = program.files.find(static_cast<int>(a[0]));
  if (file == program.files.end()) return {.value = a[0] <= STDERR_FILENO ? -ESPIPE : -EBADF};
  if (a[2] > 2) return {.value = -EINVAL};
  const uint64_t from = a[2] == 0 ? 0 : a[2] == 1 ? file->second.offset : file->second.inode->size();
  const auto offset = static_cast<int64_t>(from + a[1]);
  if (offset < 0) return {.value = -EINVAL};
  file->second.offset = static_cast<uint64_t>(offset);
  return {.value = offset};
}

// --- memory ----------------------------------------------------------------------

// brk(2) of Linux: the new end, or the old one where that cannot be.
Monitor::Answer Monitor::do_brk(Program& program, const Registers& a) {
  Image& image = program.image;
  const uint64_t wanted = a[0];
  const PageSize page = store_.page();
  const auto old = static_cast<int64_t>(image.heap_end);
  if (wanted < image.heap_begin || wanted > image.heap_begin + store_.memory_bytes()) return {.value = old};
  const Result<> resized = store_.resize(image, page.pages(wanted) - image.begin.value);
  if (!resized && resized.error().value == EIO) {
    end(program, {.code = 0, .signal = kSigbus});
    return {.kind = Answer::Kind::gone};
  }
  if (!resized) return {.value = old};
  image.heap_end = wanted;
  program.usage.peak_resident_pages = std::max(program.usage.peak_resident_pages, image.pages);
  return {.value = static_cast<int64_t>(wanted)};
}

// --- programs --------------------------------------------------------------------

Monitor::Answer Monitor::do_exit(Program& program, const Registers& a) {
  end(program, {.code = static_cast<int>(a[0] & 0xff)});
  return {.kind = Answer::Kind::gone};
}

Monitor::Answer Monitor::do_getpid(Program& program, const Registers&) { return {.value = program.pid}; }

Monitor::Answer Monitor::do_getppid(Program& program, const Registers&) { return {.value = program.parent}; }

Monitor::Answer Monitor::do_yield(Program&, const Registers&) {
  yielded_ = true;
  return {.value = 0};
}

// pid -1 or that of a child; WNOHANG alone of the options.
Monitor::Answer Monitor::do_wait(Program& program, const Registers& a) {
  const auto wanted = static_cast<int32_t>(a[0]);
  const uint64_t status_at = a[1];
  if ((a[2] & ~kWaitNoHang) != 0 || (wanted != -1 && wanted <= 0)) return {.value = -EINVAL};
  bool any = false;
  for (Program* child : children_of(program.pid)) {
    if (wanted != -1 && child->pid != wanted) continue;
    any = true;
    if (child->state != Program::State::zombie) continue;
    const int32_t pid = child->pid;
    if (status_at != 0) {
      const std::optional<PhysAddr> at = store_.user_range(program.image, status_at, 4);
      if (!at) return {.value = -EFAULT};
      cpu().touch(*at, 1, true);
      cpu().memory().store(*at, child->exit.wait_word());
      cpu().memory().wrote_frame(store_.page().pfn(*at + 3));
    }
    reap(pid);
    return {.value = pid};
  }
  if (!any) return {.value = -ECHILD};
  if ((a[2] & kWaitNoHang) != 0) return {.value = 0};
  return {.kind = Answer::Kind::again};
}

// spawn(path, argv): a new program beside this one, as posix_spawn(3) makes one.
// Answers its pid. ENOMEM: no room for it now.
Monitor::Answer Monitor::do_spawn(Program& program, const Registers& a) {
  Result<std::string> path = user_string(program, a[0], kLongestPath);
  if (!path) return {.value = -path.error().value};
  std::vector<std::string> arguments;
  for (uint64_t at = a[1]; at != 0; at += 8) {
    Result<uint64_t> word = user_word(program, at);
    if (!word) return {.value = -word.error().value};
    if (*word == 0) break;
    if (arguments.size() == kMostArguments) return {.value = -E2BIG};
    Result<std::string> argument = user_string(program, *word, kLongestPath);
    if (!argument) return {.value = -argument.error().value};
    arguments.push_back(std::move(*argument));
  }
  // Room for the child may be this program's own: by then it is no longer needed.
  const Loaded child = load(*path, arguments, {}, program.pid);
  return {.value = child.program != nullptr ? child.program->pid : -child.error};
}

}  // namespace faultline::os::early
