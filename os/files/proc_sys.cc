// /proc/sys: the settings of the kernel, to be read (proc(5), sysctl(8)). What the model
// knows no limit of tells Linux's own.
#include <array>
#include <string>
#include <string_view>

#include "os/config.h"
#include "os/files/posix_queue.h"
#include "os/files/proc_nodes.h"

namespace faultline::os {

namespace {

using SettingText = std::string (*)(const Vfs&);

struct Setting {
  std::string_view path;  // below /proc/sys
  std::string_view text;  // where it never changes
  SettingText make = nullptr;
};

std::string line(uint64_t value) { return std::to_string(value) + "\n"; }

// A version 4 UUID from the run's seed would be random in every other respect: the same
// one for the whole run, as boot_id is.
constexpr std::string_view kBoot = "6661756c-746c-496e-a500-000000000001\n";

constexpr std::array kSettings = std::to_array<Setting>({
    {"fs/aio-max-nr", "65536\n"},
    {"fs/epoll/max_user_watches", "8192\n"},
    {"fs/file-max", "9223372036854775807\n"},
    {"fs/file-nr", "0\t0\t9223372036854775807\n"},
    {"fs/inotify/max_queued_events", "16384\n"},
    {"fs/inotify/max_user_instances", "128\n"},
    {"fs/inotify/max_user_watches", "65536\n"},
    {"fs/lease-break-time", "45\n"},
    {"fs/mqueue/msg_default", "10\n"},
    {"fs/mqueue/msg_max", "10\n"},
    {"fs/mqueue/msgsize_default", "8192\n"},
    {"fs/mqueue/msgsize_max", "8192\n"},
    {"fs/mqueue/queues_max", "256\n"},
    {"fs/nr_open", "1048576\n"},
    {"fs/overflowgid", "65534\n"},
    {"fs/overflowuid", "65534\n"},
    {"fs/pipe-max-size", "1048576\n"},
    {"fs/pipe-user-pages-soft", "16384\n"},
    {"fs/protected_hardlinks", "0\n"},
    {"fs/protected_symlinks", "0\n"},
    {"kernel/cap_last_cap", "40\n"},
    {"kernel/core_pattern", "core\n"},
    {"kernel/core_uses_pid", "0\n"},
    {"kernel/domainname", "(none)\n"},
    {"kernel/hostname", "faultline\n"},
    {"kernel/msgmax", "8192\n"},
    {"kernel/msgmnb", "16384\n"},
    {"kernel/msgmni", "256\n"},
    {"kernel/ngroups_max", "65536\n"},
    {"kernel/osrelease", "6.1.0\n"},
    {"kernel/ostype", "Linux\n"},
    {"kernel/pid_max", "32768\n"},
    {"kernel/random/boot_id", kBoot},
    {"kernel/random/entropy_avail", "256\n"},
    {"kernel/random/poolsize", "256\n"},
    {"kernel/randomize_va_space", "0\n"},
    {"kernel/sched_rr_timeslice_ms", "100\n"},
    {"kernel/sem", "32000\t1024000000\t500\t256\n"},
    {"kernel/shmall", "18446744073692774399\n"},
    {"kernel/shmmax", "1099511627776\n"},
    {"kernel/shmmni", "256\n"},
    {"kernel/tainted", "0\n"},
    {"kernel/threads-max", "32768\n"},
    {"kernel/version", "#1 Mon Jan  1 00:00:00 UTC 2024\n"},
    {"net/core/rmem_default", "212992\n"},
    {"net/core/rmem_max", "212992\n"},
    {"net/core/somaxconn", "4096\n"},
    {"net/core/wmem_default", "212992\n"},
    {"net/core/wmem_max", "212992\n"},
    {"net/ipv4/ip_local_port_range", "32768\t60999\n"},
    {"net/ipv4/ip_unprivileged_port_start", "1024\n"},
    {"net/unix/max_dgram_qlen", "10\n"},
    {"vm/max_map_count", "", [](const Vfs& vfs) { return line(vfs.config().vm.max_map_count); }},
    {"vm/mmap_min_addr", "65536\n"},
    {"vm/overcommit_kbytes", "0\n"},
    {"vm/overcommit_memory", "", [](const Vfs& vfs) { return line(vfs.processes()->system().overcommit); }},
    {"vm/overcommit_ratio", "", [](const Vfs& vfs) { return line(vfs.processes()->system().overcommit_ratio); }},
    {"vm/panic_on_oom", "0\n"},
});

// The settings and directories right below `prefix`, which is empty or ends with a slash.
std::shared_ptr<FixedDirectory> make_branch(const Vfs& vfs, const Mount& mount, uint64_t number, std::string prefix) {
  auto branch = std::make_shared<FixedDirectory>(vfs, mount, number);
  std::string_view last;
  for (size_t i = 0; i < kSettings.size(); ++i) {
    const Setting& setting = kSettings[i];
    if (!setting.path.starts_with(prefix)) continue;
    const std::string_view rest = setting.path.substr(prefix.size());
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (name == last) continue;  // the table is sorted
    last = name;
    if (name.size() == rest.size()) {
      branch->add_text(std::string(name), [&vfs, &setting]() -> Result<std::string> {
        if (!vfs.processes()) return Errno{ENOENT};
        return setting.make ? setting.make(vfs) : std::string(setting.text);
      });
      continue;
    }
    const std::string below = prefix + std::string(name) + "/";
    const uint64_t first = number + 200 * (i + 1);
    branch->add(std::string(name), InodeType::directory,
                [&vfs, &mount, first, below](uint64_t) -> InodePtr { return make_branch(vfs, mount, first, below); });
  }
  return branch;
}

}  // namespace

InodePtr make_sys(const Vfs& vfs, const Mount& mount, uint64_t number) { return make_branch(vfs, mount, number, ""); }

}  // namespace faultline::os
