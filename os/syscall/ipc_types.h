// What the calls of System V IPC share (linux/ipc.h).
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>

#include "os/files/vfs.h"
#include "os/kernel.h"
#include "os/process/system_v_ipc.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

enum IpcFlag : uint32_t { kIpcCreate = 01000, kIpcExclusive = 02000, kIpcNoWait = 04000 };
enum IpcCommand : int32_t { kIpcRemove = 0, kIpcSet = 1, kIpcStatus = 2 };

// struct ipc64_perm of 64-bit machines.
struct IpcPermissions {
  int32_t key = 0;
  uint32_t uid = 0, gid = 0, creator_uid = 0, creator_gid = 0;
  uint32_t mode = 0;
  uint16_t sequence = 0, padding = 0;
  uint32_t padding2 = 0;
  uint64_t unused[2] = {};
};
static_assert(sizeof(IpcPermissions) == 48);

inline IpcPermissions permissions_of(const IpcObject& object) {
  IpcPermissions permissions;
  permissions.key = object.key;
  permissions.uid = permissions.creator_uid = object.uid;
  permissions.gid = permissions.creator_gid = object.gid;
  permissions.mode = object.mode;
  return permissions;
}

inline int64_t seconds_now(SyscallContext& call) { return call.kernel.vfs().now().seconds; }

inline void set_up(SyscallContext& call, IpcObject& object, int32_t key, uint32_t flags) {
  object.key = key;
  object.mode = flags & 0777;
  object.uid = call.task.process().uid;
  object.gid = call.task.process().gid;
  object.changed_seconds = seconds_now(call);
}

// The object that a key names already: its id, or nothing when one is to be made.
// EEXIST, ENOENT.
template <class Object>
Result<std::optional<int32_t>> existing(const IpcTable<Object>& table, int32_t key, uint32_t flags) {
  if (key == 0) return std::optional<int32_t>{};
  const int32_t id = table.id_of(key);
  if (id < 0 && !(flags & kIpcCreate)) return Errno{ENOENT};
  if (id >= 0 && (flags & kIpcCreate) && (flags & kIpcExclusive)) return Errno{EEXIST};
  return id < 0 ? std::optional<int32_t>{} : std::optional<int32_t>(id);
}

// IPC_SET: what it changes lies in the structure's ipc64_perm.
inline Co<SyscallResult> set_permissions(SyscallContext& call, IpcObject& object, VirtAddr from) {
  UserMemory user = call.kernel.user_memory(call.task);
  Result<IpcPermissions> given = co_await user.get<IpcPermissions>(from);
  if (!given.ok()) co_return given.error();
  object.mode = given->mode & 0777;
  object.changed_seconds = seconds_now(call);
  co_return uint64_t{0};
}

template <class T>
Co<SyscallResult> put_answer(SyscallContext& call, VirtAddr to, T value) {
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(to, value);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

void register_shared_memory_calls(SyscallTable& table);
void register_semaphore_calls(SyscallTable& table);
void register_message_calls(SyscallTable& table);

}  // namespace faultline::os
