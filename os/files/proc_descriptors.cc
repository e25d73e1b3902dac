// /proc/PID/fd and /proc/PID/fdinfo (proc(5)).
#include <fmt/format.h>

#include <charconv>

#include "os/files/file_table.h"
#include "os/files/proc_nodes.h"

namespace faultline::os {

namespace {

// The descriptor that a name of these directories means; -1: none.
int descriptor_of(std::string_view name) {
  int descriptor = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), descriptor);
  return parsed.ec == std::errc() && parsed.ptr == name.data() + name.size() ? descriptor : -1;
}

Result<OpenFilePtr> open_file(const Vfs& vfs, int32_t pid, int descriptor) {
  const auto process = vfs.processes()->process(pid);
  if (!process || !process->files) return Errno{ENOENT};
  Result<OpenFilePtr> file = process->files->get(descriptor);
  if (!file) return Errno{ENOENT};
  return file;
}

// What stands in a directory for each descriptor of a process.
struct DescriptorNode {
  const Vfs& vfs;
  const Mount& mount;
  uint64_t number;
  int32_t pid;
  int descriptor;
  OpenFilePtr file;
};

// What the descriptor has open.
InodePtr make_link(const DescriptorNode& node) {
  auto path = [held = node.file]() -> Result<std::string> { return held->inode().path_now(held->path); };
  auto jump = [held = node.file] { return held->inode_pointer(); };
  return std::make_shared<ProcLink>(node.mount, node.number, proc_attributes(node.vfs, 0700), path, jump);
}

// Its position and flags.
InodePtr make_facts(const DescriptorNode& node) {
  auto text = [&vfs = node.vfs, pid = node.pid, descriptor = node.descriptor]() -> Result<std::string> {
    const auto process = vfs.processes()->process(pid);
    if (!process || !process->files) return Errno{ENOENT};
    Result<OpenFilePtr> now = process->files->get(descriptor);
    Result<bool> close_on_exec = process->files->close_on_exec(descriptor);
    if (!now || !close_on_exec) return Errno{ENOENT};
    const uint32_t flags = (*now)->flags | (*close_on_exec ? uint32_t{kOpenCloseOnExec} : 0u);
    return fmt::format("pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{}\nino:\t{}\n", (*now)->offset, flags,
                       (*now)->inode().mount().device, (*now)->inode().number());
  };
  return std::make_shared<TextFile>(node.vfs, node.mount, node.number, proc_attributes(node.vfs, 0444), text);
}

// A process's descriptors by their numbers.
class DescriptorDirectory final : public Directory {
 public:
  using Make = InodePtr (*)(const DescriptorNode&);

  DescriptorDirectory(const Vfs& vfs, const Mount& mount, uint64_t number, uint32_t mode, int32_t pid, InodeType type,
                      Make make)
      : Directory(mount, number, proc_attributes(vfs, mode)), vfs_(vfs), pid_(pid), type_(type), make_(make) {}

  Result<InodePtr> lookup(std::string_view name) override {
    const int descriptor = descriptor_of(name);
    Result<OpenFilePtr> file = open_file(vfs_, pid_, descriptor);
    if (!file) return file.error();
    return make_({vfs_, mount(), number_of(descriptor), pid_, descriptor, *file});
  }

  Result<std::vector<Entry>> list() override {
    std::vector<Entry> entries;
    const auto process = vfs_.processes()->process(pid_);
    if (!process || !process->files) return entries;
    process->files->for_each([&](int descriptor, const OpenFilePtr&) {
      entries.push_back({std::to_string(descriptor), number_of(descriptor), type_});
    });
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
  }

 private:
  uint64_t number_of(int descriptor) const { return number() + 1 + static_cast<uint64_t>(descriptor); }

  const Vfs& vfs_;
  int32_t pid_;
  InodeType type_;
  Make make_;
};

}  // namespace

InodePtr make_descriptors(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid) {
  return std::make_shared<DescriptorDirectory>(vfs, mount, number, 0500, pid, InodeType::symlink, make_link);
}

InodePtr make_descriptor_facts(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid) {
  return std::make_shared<DescriptorDirectory>(vfs, mount, number, 0555, pid, InodeType::regular, make_facts);
}

}  // namespace faultline::os
