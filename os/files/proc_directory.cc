#include "os/files/proc_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <optional>
#include <utility>

#include "os/files/proc_nodes.h"
#include "os/files/proc_page_files.h"
#include "os/files/proc_text.h"
#include "os/process/timekeeping.h"

namespace faultline::os {

namespace {

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

std::string mount_facts_text() {
  return "1 1 0:2 / / rw - tmpfs tmpfs rw\n2 1 0:3 / /proc rw - proc proc rw\n3 1 0:4 / /dev rw - tmpfs tmpfs rw\n"
         "4 3 0:5 / /dev/shm rw - tmpfs tmpfs rw\n";
}

using Facts = std::function<std::optional<ProcessFacts>()>;

// The files that are texts made from what is known of the process.
void add_process_texts(FixedDirectory& directory, const Facts& facts) {
  auto text = [&](const char* name, ProcessText make) {
    directory.add_text(name, [facts, make]() -> Result<std::string> {
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
  text("cgroup", [](const ProcessFacts&) { return std::string("0::/\n"); });
  text("coredump_filter", [](const ProcessFacts&) { return std::string("00000033\n"); });
  text("loginuid", [](const ProcessFacts&) { return std::string("4294967295"); });
  text("mountinfo", [](const ProcessFacts&) { return mount_facts_text(); });
  text("personality", [](const ProcessFacts& process) { return fmt::format("{:08x}\n", process.personality); });
  text("sessionid", [](const ProcessFacts&) { return std::string("4294967295"); });
  text("smaps", proc_smaps);
  text("smaps_rollup", proc_smaps_rollup);
  text("stat", proc_stat);
  text("statm", proc_statm);
  text("status", proc_status);
  text("timerslack_ns", [](const ProcessFacts& process) { return fmt::format("{}\n", process.timer_slack); });
  text("wchan", [](const ProcessFacts&) { return std::string("0"); });
}

// `task`: the one of its tasks whose directory it is, 0: the process's own.
std::shared_ptr<FixedDirectory> make_process(const Vfs& vfs, const Mount& mount, int32_t pid, int32_t task) {
  const uint64_t first = kProcNumbers + static_cast<uint64_t>(task ? task : pid) * kNumbersPerProcess +
                         (task ? kNumbersPerProcess / 2 : 0);
  auto directory = std::make_shared<FixedDirectory>(vfs, mount, first);
  const Facts facts = [&vfs, pid, task]() {
    return task ? vfs.processes()->task(pid, task) : vfs.processes()->process(pid);
  };
  add_process_texts(*directory, facts);
  directory->add_link("exe", [facts]() -> Result<std::string> {
    const auto process = facts();
    if (!process || process->executable.empty()) return Errno{ENOENT};
    return process->executable;
  });
  directory->add_text("oom_score", [facts, &vfs]() -> Result<std::string> {
    const auto process = facts();
    if (!process) return Errno{ESRCH};
    return proc_oom_score(*process, vfs.processes()->system());
  });
  directory->add("oom_score_adj", InodeType::regular,
                 [&vfs, &mount, pid](uint64_t at) { return make_oom_adjustment(vfs, mount, at, pid); });
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
    return make_descriptors(vfs, mount, first + 1000, pid);
  });
  directory->add("fdinfo", InodeType::directory, [&vfs, &mount, first, pid](uint64_t) -> InodePtr {
    return make_descriptor_facts(vfs, mount, first + 300'000, pid);
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

}  // namespace

Attributes proc_attributes(const Vfs& vfs, uint32_t permissions) {
  Attributes given;
  given.permissions = permissions;
  given.uid = vfs.uid();
  given.gid = vfs.gid();
  given.accessed.seconds = static_cast<int64_t>(Timekeeping::kEpochSeconds);
  given.modified = given.changed = given.accessed;
  return given;
}

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
  root->add_text("cmdline", []() -> Result<std::string> { return std::string("\n"); });
  root->add_text("swaps", [&vfs]() -> Result<std::string> {
    if (!vfs.processes()) return Errno{ENOENT};
    return proc_swaps(vfs.processes()->system());
  });
  root->add_text("version", []() -> Result<std::string> {
    return std::string("Linux version 6.1.0 (faultline) #1 Mon Jan  1 00:00:00 UTC 2024\n");
  });
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
