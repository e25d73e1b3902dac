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

std::vector<Directory::Entry> list_descriptors(const Vfs& vfs, int32_t pid, uint64_t number, InodeType type) {
  std::vector<Directory::Entry> entries;
  const auto process = vfs.processes()->process(pid);
  if (!process || !process->files) return entries;
  process->files->for_each([&](int descriptor, const OpenFilePtr&) {
    entries.push_back({std::to_string(descriptor), number + 1 + static_cast<uint64_t>(descriptor), type});
  });
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

// What each descriptor has open.
class DescriptorDirectory final : public Directory {
 public:
  DescriptorDirectory(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid)
      : Directory(mount, number, proc_attributes(vfs, 0500)), vfs_(vfs), pid_(pid) {}

  Result<InodePtr> lookup(std::string_view name) override {
    const int descriptor = descriptor_of(name);
    Result<OpenFilePtr> file = open_file(vfs_, pid_, descriptor);
    if (!file) return file.error();
    auto path = [held = *file]() -> Result<std::string> { return held->inode().path_now(held->path); };
    auto jump = [held = *file] { return held->inode_pointer(); };
    return InodePtr(std::make_shared<ProcLink>(mount(), number() + 1 + static_cast<uint64_t>(descriptor),
                                               proc_attributes(vfs_, 0700), path, jump));
  }

  Result<std::vector<Entry>> list() override { return list_descriptors(vfs_, pid_, number(), InodeType::symlink); }

 private:
  const Vfs& vfs_;
  int32_t pid_;
};

// Position and flags of each.
class DescriptorFacts final : public Directory {
 public:
  DescriptorFacts(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid)
      : Directory(mount, number, proc_attributes(vfs, 0555)), vfs_(vfs), pid_(pid) {}

  Result<InodePtr> lookup(std::string_view name) override {
    const int descriptor = descriptor_of(name);
    Result<OpenFilePtr> file = open_file(vfs_, pid_, descriptor);
    if (!file) return file.error();
    auto text = [&vfs = vfs_, pid = pid_, descriptor]() -> Result<std::string> {
      const auto process = vfs.processes()->process(pid);
      if (!process || !process->files) return Errno{ENOENT};
      Result<OpenFilePtr> now = process->files->get(descriptor);
      Result<bool> close_on_exec = process->files->close_on_exec(descriptor);
      if (!now || !close_on_exec) return Errno{ENOENT};
      const uint32_t flags = (*now)->flags | (*close_on_exec ? uint32_t{kOpenCloseOnExec} : 0u);
      return fmt::format("pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{}\nino:\t{}\n", (*now)->offset, flags,
                         (*now)->inode().mount().device, (*now)->inode().number());
    };
    return InodePtr(std::make_shared<TextFile>(vfs_, mount(), number() + 1 + static_cast<uint64_t>(descriptor),
                                               proc_attributes(vfs_, 0444), text));
  }

  Result<std::vector<Entry>> list() override { return list_descriptors(vfs_, pid_, number(), InodeType::regular); }

 private:
  const Vfs& vfs_;
  int32_t pid_;
};

}  // namespace

InodePtr make_descriptors(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid) {
  return std::make_shared<DescriptorDirectory>(vfs, mount, number, pid);
}

InodePtr make_descriptor_facts(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid) {
  return std::make_shared<DescriptorFacts>(vfs, mount, number, pid);
}

}  // namespace faultline::os
