#include "os/process/fork.h"

#include <algorithm>
#include <utility>

#include "os/files/file_table.h"
#include "os/files/fs_context.h"
#include "os/kernel.h"
#include "os/memory/address_space.h"
#include "os/memory/user_memory.h"
#include "os/process/task_loop.h"

namespace faultline::os {

namespace {

constexpr uint64_t kKnownFlags = kCloneVm | kCloneFs | kCloneFiles | kCloneVfork | kCloneParent | kCloneSetTls |
                                 kCloneParentSetTid | kCloneChildClearTid | kCloneDetached | kCloneUntraced |
                                 kCloneChildSetTid | kCloneIo | kCloneClearSigHand;
constexpr unsigned kStackPointer = 2;
constexpr unsigned kThreadPointer = 4;
constexpr unsigned kArgument0 = 10;

Result<> check(const CloneRequest& request) {
  if (request.flags & (kCloneThread | kCloneSigHand | kClonePidFd)) return Errno{ENOSYS};
  if (request.flags & ~kKnownFlags) return Errno{EINVAL};
  if (request.exit_signal < 0 || request.exit_signal > kSignals) return Errno{EINVAL};
  return Unit{};
}

Co<Result<std::shared_ptr<AddressSpace>>> child_space(Process& parent, bool shared) {
  using Answer = Result<std::shared_ptr<AddressSpace>>;
  if (shared) co_return Answer(parent.space);
  for (;;) {
    Reply<std::unique_ptr<AddressSpace>> reply = parent.space->fork();
    if (reply.failed()) co_return Answer(reply.error());
    if (reply.ok()) co_return Answer(std::shared_ptr<AddressSpace>(std::move(*reply)));
    co_await reply.queue().sleep();
  }
}

// What fork(2) says the child inherits; the rest begins anew.
void inherit(Process& child, const Process& parent, const CloneRequest& request) {
  child.group = parent.group;
  child.session = parent.session;
  child.uid = parent.uid;
  child.gid = parent.gid;
  child.actions = parent.actions;
  if (request.flags & kCloneClearSigHand) child.actions.reset_for_exec();
  // A sibling tells the common parent as this process does.
  child.exit_signal = (request.flags & kCloneParent) ? parent.exit_signal : request.exit_signal;
  child.signal_trampoline = parent.signal_trampoline;
  child.limits = parent.limits;
  child.nice = parent.policy.reset_on_fork ? std::max(parent.nice, 0) : parent.nice;
  if (!parent.policy.reset_on_fork) child.policy = parent.policy;
  child.command = parent.command;
  child.execution = parent.execution;
  child.executable = parent.executable;
  child.arguments = parent.arguments;
  child.files = (request.flags & kCloneFiles) ? parent.files : parent.files->duplicate();
  child.fs = (request.flags & kCloneFs) ? parent.fs : std::make_shared<FsContext>(*parent.fs);
}

void inherit(Task& child, const Task& parent, const CloneRequest& request) {
  child.state = parent.state;
  child.state.reserved = false;
  child.state.x[kArgument0] = 0;
  if (request.stack != 0) child.state.x[kStackPointer] = request.stack;
  if (request.flags & kCloneSetTls) child.state.x[kThreadPointer] = request.tls;
  child.blocked = parent.blocked;
  // A child that shares the memory, but is no vfork, must not share the stack.
  const bool own_stack = (request.flags & (kCloneVm | kCloneVfork)) == kCloneVm;
  if (!own_stack) child.alternate_stack = parent.alternate_stack;
  if (request.flags & kCloneChildClearTid) child.clear_child_tid = request.child_tid;
}

void adopt(Process& parent, Process& child, bool as_sibling) {
  Process* const owner = as_sibling ? parent.parent : &parent;
  child.parent = owner;
  if (owner) owner->children.push_back(&child);
}

// The child's thread id in memory, before either side runs. A bad address is
// not an error (Linux ignores the result of these stores).
Co<> store_tids(Kernel& kernel, Task& parent, Task& child, const CloneRequest& request) {
  const int32_t tid = child.tid();
  if (request.flags & kCloneParentSetTid) {
    UserMemory user = kernel.user_memory(parent);
    [[maybe_unused]] const Result<> ignored = co_await user.put(VirtAddr(request.parent_tid), tid);
  }
  if (request.flags & kCloneChildSetTid) {
    UserMemory user = kernel.user_memory(child);
    [[maybe_unused]] const Result<> ignored = co_await user.put(VirtAddr(request.child_tid), tid);
  }
}

// vfork: the parent waits until the child has let go of its memory. Only a
// signal that kills the parent ends this before.
Co<> wait_for_release(Process& parent, Process& child) {
  child.vfork_parent = &parent;
  parent.vfork_child = child.pid();
  while (parent.vfork_child != 0 && !parent.main_task().dying()) {
    co_await parent.child_events.sleep_interruptibly();
  }
}

}  // namespace

Co<Result<int32_t>> clone_process(Kernel& kernel, Task& task, CloneRequest request) {
  using Answer = Result<int32_t>;
  const Result<> checked = check(request);
  if (!checked.ok()) co_return Answer(checked.error());
  AccountScope account(kernel.cpu(), CycleAccount::exec);
  kernel.cpu().charge(Cycles(kernel.costs().fork));

  Process& parent = task.process();
  // Before anything is made: fork bombs end here.
  if (kernel.processes().size() >= parent.limits[kLimitProcesses].current) co_return Answer(Errno{EAGAIN});
  Result<std::shared_ptr<AddressSpace>> space = co_await child_space(parent, request.flags & kCloneVm);
  if (!space.ok()) co_return Answer(space.error());
  Process* const child = kernel.create_process();
  if (!child) co_return Answer(Errno{EAGAIN});

  child->space = std::move(*space);
  inherit(*child, parent, request);
  inherit(child->main_task(), task, request);
  adopt(parent, *child, request.flags & kCloneParent);
  const int32_t pid = child->pid();
  co_await store_tids(kernel, task, child->main_task(), request);
  kernel.start_task(child->main_task());
  if (request.flags & kCloneVfork) co_await wait_for_release(parent, *child);
  co_return Answer(pid);
}

}  // namespace faultline::os
