// setxattr(2), getxattr(2), listxattr(2), removexattr(2): attributes that users hang on
// regular files and directories. Those of the system and of trusted programs do not exist.
#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>
#include <string>

#include "os/files/extended_attributes.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

constexpr uint32_t kCreate = 1, kReplace = 2;  // XATTR_CREATE, XATTR_REPLACE
constexpr size_t kAttributeNameMost = 255;     // XATTR_NAME_MAX

enum class By : uint8_t { path, link, descriptor };

struct Target {
  InodePtr inode;
  OpenFilePtr file;  // where a descriptor named it, else
  std::string path{};
  Vfs::Last last = Vfs::Last::keep;
};

Co<Result<Target>> target_argument(SyscallContext& call, By by) {
  if (by == By::descriptor) {
    Result<OpenFilePtr> file = file_argument(call, 0);
    if (!file) co_return file.error();
    co_return Target{(*file)->inode_pointer(), *file};
  }
  auto path = co_await path_argument(call, 0);
  if (!path) co_return path.error();
  const Vfs::Last last = by == By::link ? Vfs::Last::keep : Vfs::Last::follow;
  Result<InodePtr> inode = vfs_of(call).find(fs_of(call).current, *path, last);
  if (!inode) co_return inode.error();
  co_return Target{*inode, nullptr, *path, last};
}

// ERANGE for a name that is empty or too long.
Co<Result<std::string>> name_argument(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  auto name = co_await user.read_string(call.address(1), kAttributeNameMost + 1);
  if (!name) co_return name.error() == Errno{ENAMETOOLONG} ? Errno{ERANGE} : name.error();
  if (name->empty()) co_return Errno{ERANGE};
  co_return *name;
}

// Linux, xattr_permission and xattr_resolve_name.
Result<> check(SyscallContext& call, const Inode& inode, const std::string& name, bool writes) {
  const Errno refused{writes ? EPERM : ENODATA};
  if (name.starts_with("trusted.")) return refused;
  const bool plain = inode.is(InodeType::regular) || inode.is(InodeType::directory);
  if (name.starts_with("user.") && !plain) return refused;
  const Result<> allowed = vfs_of(call).check_access(inode, writes ? 2 : 4);
  if (name.starts_with("security.")) return writes ? Errno{EPERM} : Errno{ENODATA};
  if (!name.starts_with("user.")) return Errno{EOPNOTSUPP};
  const bool sticky = inode.is(InodeType::directory) && (inode.attributes.permissions & 01000);
  if (writes && sticky && !vfs_of(call).check_owner(inode)) return Errno{EPERM};
  if (!allowed) return allowed;
  if (name.size() == 5) return Errno{EINVAL};
  return Unit{};
}

void tell_change(SyscallContext& call, const Target& target) {
  target.inode->attributes.changed = vfs_of(call).now();
  if (target.file) {
    tell_watchers(*target.file, kWatchAttributes);
  } else {
    vfs_of(call).tell_watchers_at(fs_of(call).current, target.path, target.last, kWatchAttributes);
  }
}

Co<SyscallResult> set_attribute(SyscallContext& call, By by) {
  auto target = co_await target_argument(call, by);
  if (!target) co_return target.error();
  const uint32_t flags = call.word(4);
  if (flags & ~(kCreate | kReplace)) co_return Errno{EINVAL};
  auto name = co_await name_argument(call);
  if (!name) co_return name.error();
  if (call.args[3] > ExtendedAttributes::kValueMost) co_return Errno{E2BIG};
  std::string value(call.args[3], '\0');
  UserMemory user = call.kernel.user_memory(call.task);
  auto got = co_await user.read(call.address(2), std::span(reinterpret_cast<uint8_t*>(value.data()), value.size()));
  if (!got) co_return got.error();
  Inode& inode = *target->inode;
  if (Result<> allowed = check(call, inode, *name, true); !allowed) co_return allowed.error();
  const bool there = inode.extended && inode.extended->find(*name);
  if (there && (flags & kCreate)) co_return Errno{EEXIST};
  if (!there && (flags & kReplace)) co_return Errno{ENODATA};
  if (!inode.extended) inode.extended = std::make_unique<ExtendedAttributes>(vfs_of(call).attribute_bytes());
  Result<> set = inode.extended->set(*name, std::move(value));
  if (!set) co_return set.error();
  tell_change(call, *target);
  co_return uint64_t{0};
}

// The bytes, or how many they are where there is no room at all. ERANGE.
Co<SyscallResult> answer(SyscallContext& call, std::string bytes, unsigned room_argument) {
  const uint64_t room = call.args[room_argument];
  if (room == 0) co_return bytes.size();
  if (bytes.size() > room) co_return Errno{ERANGE};
  UserMemory user = call.kernel.user_memory(call.task);
  const auto raw = std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  auto put = co_await user.write(call.address(room_argument - 1), raw);
  if (!put) co_return put.error();
  co_return bytes.size();
}

Co<SyscallResult> get_attribute(SyscallContext& call, By by) {
  auto target = co_await target_argument(call, by);
  if (!target) co_return target.error();
  auto name = co_await name_argument(call);
  if (!name) co_return name.error();
  const Inode& inode = *target->inode;
  if (Result<> allowed = check(call, inode, *name, false); !allowed) co_return allowed.error();
  const std::string* const value = inode.extended ? inode.extended->find(*name) : nullptr;
  if (!value) co_return Errno{ENODATA};
  auto done = co_await answer(call, *value, 3);
  co_return done;
}

Co<SyscallResult> list_attributes(SyscallContext& call, By by) {
  auto target = co_await target_argument(call, by);
  if (!target) co_return target.error();
  std::string names;
  if (target->inode->extended) names = target->inode->extended->names();
  auto done = co_await answer(call, std::move(names), 2);
  co_return done;
}

Co<SyscallResult> remove_attribute(SyscallContext& call, By by) {
  auto target = co_await target_argument(call, by);
  if (!target) co_return target.error();
  auto name = co_await name_argument(call);
  if (!name) co_return name.error();
  Inode& inode = *target->inode;
  if (Result<> allowed = check(call, inode, *name, true); !allowed) co_return allowed.error();
  if (!inode.extended || !inode.extended->remove(*name)) co_return Errno{ENODATA};
  tell_change(call, *target);
  co_return uint64_t{0};
}

template <Co<SyscallResult> (*operation)(SyscallContext&, By), By by>
Co<SyscallResult> sys_attribute(SyscallContext& call) {
  return operation(call, by);
}

// The three ways to name a file, by following numbers.
template <Co<SyscallResult> (*operation)(SyscallContext&, By)>
void add_three(SyscallTable& table, unsigned first) {
  table.add(first, sys_attribute<operation, By::path>);
  table.add(first + 1, sys_attribute<operation, By::link>);
  table.add(first + 2, sys_attribute<operation, By::descriptor>);
}

}  // namespace

void register_extended_attributes(SyscallTable& table) {
  add_three<set_attribute>(table, 5);
  add_three<get_attribute>(table, 8);
  add_three<list_attributes>(table, 11);
  add_three<remove_attribute>(table, 14);
}

}  // namespace faultline::os
