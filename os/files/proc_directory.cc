#include "os/files/proc_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <utility>

#include "os/files/directory.h"
#include "os/files/file_table.h"
#include "os/files/open_file.h"
#include "os/files/proc_page_files.h"
#include "os/files/proc_text.h"
#include "os/files/vfs.h"
#include "os/memory/user_memory.h"
#include "os/process/timekeeping.h"

namespace faultline::os {

namespace {

// Numbers of /proc: those of a process lie together, above all others.
constexpr uint64_t kProcNumbers = uint64_t{1} << 40;
constexpr uint64_t kNumbersPerProcess = 1 << 20;

Attributes proc_attributes(const Vfs& vfs, uint32_t permissions) {
  Attributes given;
  given.permissions = permissions;
  given.uid = vfs.uid();
  given.gid = vfs.gid();
  given.accessed.seconds = static_cast<int64_t>(Timekeeping::kEpochSeconds);
  given.modified = given.changed = given.accessed;
  return given;
}

// Its text is made when it is opened, and again when it is read from the beginning
// once more; a reader sees one state to the end.
class TextFile final : public Inode {
 public:
  using Generate = std::function<Result<std::string>()>;
  TextFile(const Vfs& vfs, const Mount& mount, uint64_t number, Attributes given, Generate generate)
      : Inode(mount, InodeType::regular, number, given), vfs_(vfs), generate_(std::move(generate)) {}

  bool seekable() const override { return true; }

  Co<Result<>> open(OpenFile& file, Sleeper&) override {
    if (file.path_only()) co_return Unit{};
    co_return make_text(file);
  }

  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override {
    std::shared_ptr<const Held> held = text_of(file);
    if (!held) co_return uint64_t{0};
    if (offset == 0 && !held->value.fresh) {
      const Result<> made = make_text(file);
      if (!made) co_return made.error();
      held = text_of(file);
    }
    held->value.fresh = false;
    const std::string& text = held->value.text;
    if (offset >= text.size()) co_return uint64_t{0};
    const uint64_t moved = std::min<uint64_t>(bytes, text.size() - offset);
    const auto* from = reinterpret_cast<const uint8_t*>(text.data()) + offset;
    auto copied = co_await io.user.write(to, std::span<const uint8_t>(from, moved));
    if (!copied) co_return copied.error();
    co_return moved;
  }

 private:
  struct State {
    std::string text;
    mutable bool fresh = true;  // nobody has read it
  };
  using Held = Snapshot<State>;

  static std::shared_ptr<const Held> text_of(const OpenFile& file) {
    return std::static_pointer_cast<const Held>(file.snapshot);
  }

  // A failure leaves what was there.
  Result<> make_text(OpenFile& file) {
    Result<std::string> text = generate_();
    if (!text) return text.error();
    const uint64_t bytes = text->size();
    const auto made = Held::take(vfs_.snapshots(), State{.text = std::move(*text)}, bytes);
    if (!made) return Errno{ENOMEM};
    file.snapshot = made;
    return Unit{};
  }

  const Vfs& vfs_;
  Generate generate_;
};

class ProcLink final : public Inode {
 public:
  using Target = std::function<Result<std::string>()>;
  using Jump = std::function<InodePtr()>;
  ProcLink(const Mount& mount, uint64_t number, Attributes given, Target target, Jump jump = nullptr)
      : Inode(mount, InodeType::symlink, number, given), target_(std::move(target)), jump_(std::move(jump)) {}

  Result<std::string> link_target() const override { return target_(); }
  InodePtr link_jump() const override { return jump_ ? jump_() : nullptr; }

 private:
  Target target_;
  Jump jump_;
};

// /proc/PID/fd: what each descriptor has open.
class DescriptorDirectory final : public Directory {
 public:
  DescriptorDirectory(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid)
      : Directory(mount, number, proc_attributes(vfs, 0500)), vfs_(vfs), pid_(pid) {}

  Result<InodePtr> lookup(std::string_view name) override {
    int descriptor = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), descriptor);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) return Errno{ENOENT};
    Result<OpenFilePtr> file = open_file(descriptor);
    if (!file) return Errno{ENOENT};
    auto path = [held = *file]() -> Result<std::string> { return held->inode().path_now(held->path); };
    auto jump = [held = *file] { return held->inode_pointer(); };
    return InodePtr(std::make_shared<ProcLink>(mount(), number() + 1 + static_cast<uint64_t>(descriptor),
                                               proc_attributes(vfs_, 0700), path, jump));
  }

  Result<std::vector<Entry>> list() override {
    std::vector<Entry> entries;
    const auto process = vfs_.processes()->process(pid_);
    if (!process || !process->files) return entries;
    process->files->for_each([&](int descriptor, const OpenFilePtr&) {
      entries.push_back(
          {std::to_string(descriptor), number() + 1 + static_cast<uint64_t>(descriptor), InodeType::symlink});
    });
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
  }

 private:
  Result<OpenFilePtr> open_file(int descriptor) const {
    const auto process = vfs_.processes()->process(pid_);
    if (!process || !process->files) return Errno{ENOENT};
    return process->files->get(descriptor);
  }

  const Vfs& vfs_;
  int32_t pid_;
};

// A directory whose entries are known by name and made when asked for.
class FixedDirectory : public Directory {
 public:
  using Make = std::function<InodePtr(uint64_t number)>;
  struct Item {
    std::string name;
    InodeType type;
    Make make;
  };
  FixedDirectory(const Vfs& vfs, const Mount& mount, uint64_t number)
      : Directory(mount, number, proc_attributes(vfs, 0555)), vfs_(vfs) {}

  void add(std::string name, InodeType type, Make make) { items_.push_back({std::move(name), type, std::move(make)}); }
  void add_text(std::string name, TextFile::Generate generate) {
    add(std::move(name), InodeType::regular, [this, generate](uint64_t at) -> InodePtr {
      return std::make_shared<TextFile>(vfs_, mount(), at, proc_attributes(vfs_, 0444), generate);
    });
  }
  void add_link(std::string name, ProcLink::Target target, ProcLink::Jump jump = nullptr) {
    add(std::move(name), InodeType::symlink, [this, target, jump](uint64_t at) -> InodePtr {
      return std::make_shared<ProcLink>(mount(), at, proc_attributes(vfs_, 0777), target, jump);
    });
  }

  Result<InodePtr> lookup(std::string_view name) override {
    for (size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].name != name) continue;
      InodePtr inode = items_[i].make(number() + 1 + i);
      if (DirectoryPtr directory = as_directory(inode)) {
        directory->parent = directory->held_parent = self();
        directory->entry_name = name;
      }
      return inode;
    }
    return Errno{ENOENT};
  }

  Result<std::vector<Entry>> list() override {
    std::vector<Entry> entries;
    for (size_t i = 0; i < items_.size(); ++i) entries.push_back({items_[i].name, number() + 1 + i, items_[i].type});
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
  }

 protected:
  const Vfs& vfs_;

 private:
  std::vector<Item> items_;
};

using ProcessText = std::string (*)(const ProcessFacts&);

std::shared_ptr<FixedDirectory> make_process(const Vfs& vfs, const Mount& mount, int32_t pid, int32_t task);

// /proc/PID/task: a directory like the process's for each task.
class TaskDirectory final : public Directory {
 public:
  TaskDirectory(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid)
      : Directory(mount, number, proc_attributes(vfs, 0555)), vfs_(vfs), pid_(pid) {
    attributes.links = static_cast<uint32_t>(2 + tasks().size());
  }

  Result<InodePtr> lookup(std::string_view name) override {
    for (const int32_t task : tasks()) {
      if (std::to_string(task) != name) continue;
      auto directory = make_process(vfs_, mount(), pid_, task);
      directory->parent = directory->held_parent = self();
      directory->entry_name = name;
      return InodePtr(directory);
    }
    return Errno{ENOENT};
  }

  Result<std::vector<Entry>> list() override {
    std::vector<Entry> entries;
    for (const int32_t task : tasks()) {
      entries.push_back({std::to_string(task), number() + 1 + static_cast<uint64_t>(task), InodeType::directory});
    }
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
  }

 private:
  std::vector<int32_t> tasks() const {
    const auto process = vfs_.processes()->process(pid_);
    return process ? process->tasks : std::vector<int32_t>{};
  }

  const Vfs& vfs_;
  int32_t pid_;
};

// Places of proc(5) that every namespace has.
std::string mounts_text() {
  return "tmpfs / tmpfs rw 0 0\nproc /proc proc rw 0 0\ntmpfs /dev tmpfs rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n";
}

// `task`: the one of its tasks whose directory it is, 0: the process's own.
std::shared_ptr<FixedDirectory> make_process(const Vfs& vfs, const Mount& mount, int32_t pid, int32_t task) {
  const uint64_t first = kProcNumbers + static_cast<uint64_t>(task ? task : pid) * kNumbersPerProcess +
                         (task ? kNumbersPerProcess / 2 : 0);
  auto directory = std::make_shared<FixedDirectory>(vfs, mount, first);
  auto facts = [&vfs, pid, task]() { return task ? vfs.processes()->task(pid, task) : vfs.processes()->process(pid); };
  auto text = [&](const char* name, ProcessText make) {
    directory->add_text(name, [facts, make]() -> Result<std::string> {
      const auto process = facts();
      if (!process) return Errno{ESRCH};
      return make(*process);
    });
  };
  text("auxv", proc_auxv);
  text("cmdline", proc_cmdline);
  text("comm", [](const ProcessFacts& process) { return process.command + "\n"; });
  text("environ", proc_environ);
  text("limits", proc_limits);
  text("maps", proc_maps);
  text("mounts", [](const ProcessFacts&) { return mounts_text(); });
  text("smaps", proc_smaps);
  text("smaps_rollup", proc_smaps_rollup);
  text("stat", proc_stat);
  text("statm", proc_statm);
  text("status", proc_status);
  directory->add_link("exe", [facts]() -> Result<std::string> {
    const auto process = facts();
    if (!process || process->executable.empty()) return Errno{ENOENT};
    return process->executable;
  });
  directory->add("pagemap", InodeType::regular, [&vfs, &mount, pid](uint64_t at) {
    return make_page_map(vfs, mount, at, proc_attributes(vfs, 0400), pid);
  });
  directory->add("clear_refs", InodeType::regular, [&vfs, &mount, pid](uint64_t at) {
    return make_clear_references(vfs, mount, at, proc_attributes(vfs, 0200), pid);
  });
  directory->add_link(
      "cwd",
      [facts, &vfs]() -> Result<std::string> {
        const auto process = facts();
        if (!process || !process->current) return Errno{ENOENT};
        return vfs.path_of(*process->current);
      },
      [facts]() -> InodePtr {
        const auto process = facts();
        return process ? process->current : nullptr;
      });
  directory->add_link("root", []() -> Result<std::string> { return std::string("/"); });
  directory->add("fd", InodeType::directory, [&vfs, &mount, first, pid](uint64_t) -> InodePtr {
    return std::make_shared<DescriptorDirectory>(vfs, mount, first + 1000, pid);
  });
  if (task == 0) {
    directory->add("task", InodeType::directory, [&vfs, &mount, first, pid](uint64_t) -> InodePtr {
      return std::make_shared<TaskDirectory>(vfs, mount, first + 100'000, pid);
    });
  }
  return directory;
}

class ProcRoot final : public FixedDirectory {
 public:
  using FixedDirectory::FixedDirectory;

  Result<InodePtr> lookup(std::string_view name) override {
    int32_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    const bool is_number = parsed.ec == std::errc() && parsed.ptr == name.data() + name.size() && name.front() != '0';
    if (!is_number) return FixedDirectory::lookup(name);
    if (!vfs_.processes() || !vfs_.processes()->process(pid)) return Errno{ENOENT};
    auto directory = make_process(vfs_, mount(), pid, 0);
    directory->parent = directory->held_parent = self();
    directory->entry_name = name;
    return InodePtr(directory);
  }

  Result<std::vector<Entry>> list() override {
    Result<std::vector<Entry>> entries = FixedDirectory::list();
    if (!vfs_.processes()) return entries;
    for (int32_t pid : vfs_.processes()->pids()) {
      entries->push_back(
          {std::to_string(pid), kProcNumbers + static_cast<uint64_t>(pid) * kNumbersPerProcess, InodeType::directory});
    }
    std::sort(entries->begin(), entries->end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
  }
};

using SystemText = std::string (*)(const SystemFacts&);

// /proc/sys/vm: the settings of memory management, to be read.
InodePtr make_sys(const Vfs& vfs, const Mount& mount, uint64_t number) {
  auto text = [&vfs](FixedDirectory& directory, const char* name, SystemText make) {
    directory.add_text(name, [&vfs, make]() -> Result<std::string> {
      if (!vfs.processes()) return Errno{ENOENT};
      return make(vfs.processes()->system());
    });
  };
  auto sys = std::make_shared<FixedDirectory>(vfs, mount, number);
  sys->add("vm", InodeType::directory, [&vfs, &mount, text, number](uint64_t) -> InodePtr {
    auto vm = std::make_shared<FixedDirectory>(vfs, mount, number + 100);
    text(*vm, "overcommit_memory", [](const SystemFacts& s) { return std::to_string(s.overcommit) + "\n"; });
    text(*vm, "overcommit_ratio", [](const SystemFacts& s) { return std::to_string(s.overcommit_ratio) + "\n"; });
    return vm;
  });
  sys->add("kernel", InodeType::directory, [&vfs, &mount, text, number](uint64_t) -> InodePtr {
    auto kernel = std::make_shared<FixedDirectory>(vfs, mount, number + 200);
    text(*kernel, "ostype", [](const SystemFacts&) { return std::string("Linux\n"); });
    text(*kernel, "pid_max", [](const SystemFacts&) { return std::string("32768\n"); });
    return kernel;
  });
  return sys;
}

}  // namespace

InodePtr make_proc(const Vfs& vfs, const Mount& mount) {
  auto root = std::make_shared<ProcRoot>(vfs, mount, kProcNumbers);
  auto text = [&](const char* name, SystemText make) {
    root->add_text(name, [&vfs, make]() -> Result<std::string> {
      if (!vfs.processes()) return Errno{ENOENT};
      return make(vfs.processes()->system());
    });
  };
  text("cpuinfo", proc_cpuinfo);
  text("meminfo", proc_meminfo);
  text("stat", proc_system_stat);
  text("uptime", proc_uptime);
  text("loadavg", proc_loadavg);
  text("vmstat", proc_vmstat);
  root->add_text("filesystems", []() -> Result<std::string> { return std::string("nodev\tproc\nnodev\ttmpfs\n"); });
  root->add_link("mounts", []() -> Result<std::string> { return std::string("self/mounts"); });
  root->add_link("thread-self", [&vfs]() -> Result<std::string> {
    if (!vfs.processes()) return Errno{ENOENT};
    return fmt::format("{}/task/{}", vfs.processes()->current_pid(), vfs.processes()->current_task());
  });
  root->add_link("self", [&vfs]() -> Result<std::string> {
    if (!vfs.processes()) return Errno{ENOENT};
    return std::to_string(vfs.processes()->current_pid());
  });
  root->add("sys", InodeType::directory,
            [&vfs, &mount](uint64_t) { return make_sys(vfs, mount, kProcNumbers + 10'000); });
  return root;
}

}  // namespace faultline::os
