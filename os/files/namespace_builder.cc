#include "os/files/namespace_builder.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "os/config.h"
#include "os/files/devices.h"
#include "os/files/directory.h"
#include "os/files/host_stream.h"
#include "os/files/proc_directory.h"
#include "os/files/regular_file.h"
#include "os/files/special_inodes.h"
#include "os/files/tree_directory.h"
#include "os/process/timekeeping.h"

namespace faultline::os {

namespace {

std::vector<std::string> components_of(const std::string& path) {
  std::vector<std::string> components;
  size_t at = 0;
  while (at < path.size()) {
    const size_t slash = std::min(path.find('/', at), path.size());
    std::string name = path.substr(at, slash - at);
    if (!name.empty() && name != ".") components.push_back(std::move(name));
    at = slash + 1;
  }
  return components;
}

std::string join(const std::vector<std::string>& components) {
  std::string path;
  for (const std::string& name : components) path += "/" + name;
  return path.empty() ? "/" : path;
}

bool climbs(const std::vector<std::string>& components) {
  return std::find(components.begin(), components.end(), "..") != components.end();
}

// The host's path with every link resolved; nothing, with errno, when it is missing.
std::optional<std::string> real_path(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  if (!resolved) return std::nullopt;
  return std::string(resolved.get());
}

std::string directory_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string failure(const std::string& path, Errno error) { return path + ": " + std::strerror(error.value); }

std::string failure(const std::string& path) { return failure(path, Errno{errno}); }

}  // namespace

// --- parts -------------------------------------------------------------------------

Mount& NamespaceBuilder::new_mount(bool writable, bool in_memory) {
  const auto device = static_cast<uint32_t>(vfs_.mounts_.size() + 1);
  vfs_.mounts_.push_back(Mount{.device = device, .writes_through = writable, .in_memory = in_memory});
  return vfs_.mounts_.back();
}

Attributes NamespaceBuilder::attributes(uint32_t permissions, Owner owner) const {
  Attributes given;
  given.permissions = permissions;
  given.uid = owner.uid;
  given.gid = owner.gid;
  given.accessed.seconds = static_cast<int64_t>(Timekeeping::kEpochSeconds);
  given.modified = given.changed = given.accessed;
  return given;
}

InodePtr NamespaceBuilder::memory_directory(uint32_t permissions, Owner owner) {
  return std::make_shared<TreeDirectory>(vfs_.services_, new_mount(false, true), vfs_.services_.next_number(),
                                         attributes(permissions, owner), nullptr);
}

InodePtr NamespaceBuilder::device_directory() {
  InodePtr made = memory_directory(0755, {0, 0});
  auto& directory = static_cast<TreeDirectory&>(*made);
  const Mount& mount = made->mount();
  auto number = [this] { return vfs_.services_.next_number(); };
  auto node = [this](unsigned major, unsigned minor) {
    Attributes given = attributes(0666, {0, 0});
    given.device_number = major << 8 | minor;
    return given;
  };
  directory.attach("null", std::make_shared<NullDevice>(mount, number(), node(1, 3)));
  directory.attach("zero", std::make_shared<ZeroDevice>(mount, number(), node(1, 5), false));
  directory.attach("full", std::make_shared<ZeroDevice>(mount, number(), node(1, 7), true));
  const uint64_t seed = vfs_.parts_.config.seed;
  directory.attach("random", std::make_shared<RandomDevice>(mount, number(), node(1, 8), seed ^ 0x72616e646f6d));
  directory.attach("urandom", std::make_shared<RandomDevice>(mount, number(), node(1, 9), seed ^ 0x7572616e646f));
  if (config_.terminal) {
    directory.attach("tty", std::make_shared<HostStream>(mount, number(), node(5, 0), config_.input, config_.output,
                                                         true, config_.stop));
  } else {
    directory.attach("tty", std::make_shared<NoTerminal>(mount, number(), node(5, 0)));
  }
  auto link = [&](const char* name, const char* target) {
    directory.attach(name, std::make_shared<Symlink>(mount, number(), attributes(0777, {0, 0}), target));
  };
  link("fd", "/proc/self/fd");
  link("stdin", "/proc/self/fd/0");
  link("stdout", "/proc/self/fd/1");
  link("stderr", "/proc/self/fd/2");
  directory.mount_here("shm", memory_directory(01777, {0, 0}));
  return made;
}

void NamespaceBuilder::make_streams() {
  const Mount& mount = vfs_.mounts_.front();
  const int fds[] = {config_.input, config_.output, config_.error};
  for (int i = 0; i < 3; ++i) {
    Attributes given = attributes(config_.terminal ? 0620 : 0600, {vfs_.uid_, vfs_.gid_});
    if (config_.terminal) given.device_number = 5 << 8;
    const uint64_t number = vfs_.services_.next_number();
    auto stream = std::make_shared<HostStream>(mount, number, given, config_.terminal ? config_.input : fds[i],
                                               config_.terminal && i == 0 ? config_.output : fds[i], config_.terminal,
                                               config_.stop);
    stream->set_name("pipe:[" + std::to_string(number) + "]");
    vfs_.streams_.push_back(std::move(stream));
  }
  vfs_.terminal_ = config_.terminal;
}

// --- what goes where ------------------------------------------------------------------

std::optional<std::string> NamespaceBuilder::plan_host(const std::string& host, const std::string& guest, bool writable,
                                                       Owner owner) {
  const std::vector<std::string> place = components_of(guest);
  if (guest.empty() || guest.front() != '/' || climbs(place)) {
    return "'" + guest + "': a place in the guest's name space must be an absolute path without \"..\"";
  }
  // Links in what the user named are the user's own: followed here, once.
  const std::optional<std::string> real = real_path(host);
  if (!real) return failure("'" + host + "'");
  struct stat status;
  if (::stat(real->c_str(), &status) != 0) return failure("'" + host + "'");
  const bool is_directory = S_ISDIR(status.st_mode);
  if (!is_directory && !S_ISREG(status.st_mode)) return "'" + host + "': neither a directory nor a regular file";
  Result<HostNodePtr> node = open_host_directory(is_directory ? *real : directory_name(*real));
  if (!node) return failure("'" + host + "'", node.error());
  const Mount& mount = new_mount(writable, false);
  InodePtr inode;
  if (is_directory) {
    inode = std::make_shared<TreeDirectory>(vfs_.services_, mount, vfs_.services_.next_number(),
                                            attributes(status.st_mode & 0777, owner), *node);
  } else {
    // Seen as if through its directory, of which nothing else shows.
    TreeDirectory holder(vfs_.services_, mount, 0, attributes(0, owner), *node);
    Result<InodePtr> file = holder.lookup(base_name(*real));
    if (!file) return failure("'" + host + "'", file.error());
    inode = *file;
  }
  if (place.empty() && !is_directory) return "'" + host + "': no directory, cannot be \"/\"";
  plans_.push_back({place, std::move(inode)});
  return std::nullopt;
}

std::optional<std::string> NamespaceBuilder::plan_root() {
  if (config_.root.empty()) {
    plans_.push_back({{}, memory_directory(0755, {0, 0})});
    return std::nullopt;
  }
  if (auto wrong = plan_host(config_.root, "/", false, {vfs_.uid_, vfs_.gid_})) return "--root " + *wrong;
  current_ = "/";
  return std::nullopt;
}

std::optional<std::string> NamespaceBuilder::plan_sysroot() {
  if (!config_.root.empty()) return std::nullopt;
  const std::string libraries = config_.sysroot + "/lib";
  struct stat status;
  if (::stat(libraries.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    if (!config_.sysroot_required) return std::nullopt;
    return "--sysroot '" + config_.sysroot + "': it holds no directory lib";
  }
  // Root's: a guest that is not root cannot write there.
  if (auto wrong = plan_host(libraries, "/lib", false, {0, 0})) return wrong;
  return plan_host(libraries, "/usr/lib", false, {0, 0});
}

void NamespaceBuilder::plan_model() {
  struct stat status;
  if (config_.root.empty() || ::stat((config_.root + "/tmp").c_str(), &status) != 0) {
    plans_.push_back({{"tmp"}, memory_directory(01777, {0, 0})});
  }
  plans_.push_back({{"dev"}, device_directory()});
  Mount& proc = new_mount(false, true);
  proc.magic = 0x9fa0;  // PROC_SUPER_MAGIC
  plans_.push_back({{"proc"}, make_proc(vfs_, proc)});
}

std::optional<std::string> NamespaceBuilder::plan_current_directory() {
  if (!config_.root.empty()) return std::nullopt;
  const std::optional<std::string> here = real_path(".");
  if (!here) return failure("the current directory");
  current_ = *here;
  // The model's own /proc and /dev are never covered by the host's.
  if (current_ == "/proc" || current_ == "/dev") return std::nullopt;
  return plan_host(*here, *here, false, {vfs_.uid_, vfs_.gid_});
}

std::optional<std::string> NamespaceBuilder::plan_bind(const Bind& bind) {
  std::string guest = bind.guest;
  if (guest.empty()) {
    guest = bind.host;
    if (guest.empty() || guest.front() != '/' || climbs(components_of(guest))) {
      const std::optional<std::string> real = real_path(bind.host);
      if (!real) return failure("--bind '" + bind.host + "'");
      guest = *real;
    }
  }
  if (auto wrong = plan_host(bind.host, guest, bind.writable, {vfs_.uid_, vfs_.gid_})) return "--bind " + *wrong;
  return std::nullopt;
}

// --- putting it together -----------------------------------------------------------------

std::optional<std::string> NamespaceBuilder::attach(const Plan& plan) {
  if (plan.place.empty()) {
    root_ = plan.inode;
    return std::nullopt;
  }
  DirectoryPtr at = as_directory(root_);
  for (size_t i = 0; i + 1 < plan.place.size(); ++i) {
    Result<InodePtr> found = at->lookup(plan.place[i]);
    DirectoryPtr next = found ? as_directory(*found) : nullptr;
    TreeDirectory* tree = at->tree();
    if (!next) {
      if (!tree) break;
      next = as_directory(memory_directory(0755, {0, 0}));
      tree->attach(plan.place[i], next);
    }
    at = next;
  }
  if (!at->tree()) return "'" + join(plan.place) + "': nothing can be put below the model's own directories";
  at->tree()->mount_here(plan.place.back(), plan.inode);
  return std::nullopt;
}

// Outer places first; at the same place the later one covers the earlier.
std::optional<std::string> NamespaceBuilder::attach_all() {
  std::stable_sort(plans_.begin(), plans_.end(),
                   [](const Plan& a, const Plan& b) { return a.place.size() < b.place.size(); });
  for (const Plan& plan : plans_) {
    if (auto wrong = attach(plan)) return wrong;
  }
  vfs_.root_ = as_directory(root_);
  return std::nullopt;
}

std::optional<std::string> NamespaceBuilder::enter_current_directory() {
  Result<InodePtr> found = vfs_.find(vfs_.root_, current_, Vfs::Last::follow);
  vfs_.current_ = found ? as_directory(*found) : nullptr;
  if (!vfs_.current_) return "'" + current_ + "': the current directory is not in the guest's name space";
  return std::nullopt;
}

std::optional<std::string> NamespaceBuilder::place_program() {
  const std::string& given = config_.program;
  if (given.empty()) return std::nullopt;
  if (!config_.root.empty()) {
    vfs_.program_path_ = given.front() == '/' ? given : "/" + given;
    return std::nullopt;
  }
  const std::optional<std::string> real = real_path(given);
  if (!real) return failure("cannot run '" + given + "'");
  struct stat status;
  if (::stat(real->c_str(), &status) != 0) return failure("cannot run '" + given + "'");
  if (!S_ISREG(status.st_mode)) return "cannot run '" + given + "': not a regular file";
  std::vector<std::string> place = components_of(given.front() == '/' ? given : current_ + "/" + given);
  if (climbs(place)) {
    const std::optional<std::string> directory = real_path(directory_name(given));
    if (!directory) return failure("cannot run '" + given + "'");
    place = components_of(*directory + "/" + base_name(given));
  }
  vfs_.program_path_ = join(place);
  // Already there when it lies below the current directory or a bind.
  Result<InodePtr> seen = vfs_.find(vfs_.root_, vfs_.program_path_, Vfs::Last::follow);
  if (seen && (*seen)->is(InodeType::regular)) {
    const auto* file = dynamic_cast<const RegularFile*>(seen->get());
    const HostIdentity wanted{status.st_dev, status.st_ino};
    if (file && file->host() && file->host()->node->identity() == wanted) return std::nullopt;
  }
  plans_.clear();
  if (auto wrong = plan_host(*real, vfs_.program_path_, false, {vfs_.uid_, vfs_.gid_})) return "cannot run " + *wrong;
  return attach(plans_.front());
}

std::optional<std::string> NamespaceBuilder::build() {
  vfs_.uid_ = vfs_.services_.uid = config_.uid;
  vfs_.gid_ = vfs_.services_.gid = config_.gid;
  if (auto wrong = plan_root()) return wrong;
  if (auto wrong = plan_sysroot()) return wrong;
  plan_model();
  if (auto wrong = plan_current_directory()) return wrong;
  for (const Bind& bind : config_.binds) {
    if (auto wrong = plan_bind(bind)) return wrong;
  }
  if (auto wrong = attach_all()) return wrong;
  if (auto wrong = enter_current_directory()) return wrong;
  if (auto wrong = place_program()) return wrong;
  make_streams();
  vfs_.built_ = true;
  return std::nullopt;
}

std::optional<std::string> Vfs::build(const NamespaceConfig& config) { return NamespaceBuilder(*this, config).build(); }

}  // namespace faultline::os
