#include "os/process/fork.h"

#include <algorithm>
#include <utility>

#include "os/files/file_table.h"
#include "os/files/fs_context.h"
#include "os/kernel.h"
#include "os/memory/address_space.h"
#include "os/memory/user_memory.h"
#include "os/process/process_file.h"
#include "os/process/task_loop.h"

namespace faultline::os {

namespace {

constexpr uint64_t kKnownFlags = kCloneVm | kCloneFs | kCloneFiles | kCloneSigHand | kClonePidFd | kCloneVfork |
                                 kCloneParent | kCloneThread | kCloneSysvSem | kCloneSetTls | kCloneParentSetTid |
                                 kCloneChildClearTid | kCloneDetached | kCloneUntraced | kCloneChildSetTid | kCloneIo |
                                 kCloneClearSigHand;
constexpr unsigned kStackPointer = 2;
constexpr unsigned kThreadPointer = 4;
constexpr unsigned kArgument0 = 10;

Result<> check(const CloneRequest& request) {
  const auto has = [&request](uint64_t flag) { return (request.flags & flag) != 0; };
  if (request.flags & ~kKnownFlags) return Errno{EINVAL};
  if (has(kCloneThread) && !has(kCloneSigHand)) return Errno{EINVAL};
  if (has(kCloneSigHand) && (!has(kCloneVm) || has(kCloneClearSigHand))) return Errno{EINVAL};
  if (has(kClonePidFd) && (has(kCloneThread) || has(kCloneDetached))) return Errno{EINVAL};
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
  if (request.flags & kCloneSigHand) {
    child.actions = parent.actions;
  } else {
    *child.actions = *parent.actions;
    if (request.flags & kCloneClearSigHand) child.actions->reset_for_exec();
  }
  // A sibling tells the common parent as this process does.
  child.exit_signal = (request.flags & kCloneParent) ? parent.exit_signal : request.exit_signal;
  child.signal_trampoline = parent.signal_trampoline;
  child.limits = parent.limits;
  child.no_new_privileges = parent.no_new_privileges;
  child.dumpable = parent.dumpable;
  child.settings = parent.settings;
  child.nice = parent.policy.reset_on_fork ? std::max(parent.nice, 0) : parent.nice;
  if (!parent.policy.reset_on_fork) child.policy = parent.policy;
  child.command = parent.command;
  child.execution = parent.execution;
  child.executable = parent.executable;
  child.arguments = parent.arguments;
  child.program = parent.program;
  child.files = (request.flags & kCloneFiles) ? parent.files : parent.files->duplicate();
  child.fs = (request.flags & kCloneFs) ? parent.fs : std::make_shared<FsContext>(*parent.fs);
}

void inherit(Task& child, const Task& parent, const CloneRequest& request) {
  child.name = parent.name;
  child.harts = parent.harts;
  child.state = parent.state;
  child.state.reserved = false;
  child.state.x[kArgument0] = 0;
  if (request.stack != 0) child.state.x[kStackPointer] = request.stack;
  if (request.flags & kCloneSetTls) child.state.x[kThreadPointer] = request.tls;
  child.blocked = parent.blocked;
  child.timer_slack = parent.timer_slack;
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
Co<> wait_for_release(Kernel& kernel, Task& parent, Process& child) {
  child.vfork_parent = &parent;
  parent.vfork_child = child.pid();
  while (parent.vfork_child != 0 && !parent.dying()) {
    co_await parent.process().child_events.sleep_interruptibly();
  }
  if (parent.vfork_child == 0) co_return;
  kernel.processes().find(parent.vfork_child)->vfork_parent = nullptr;
  parent.vfork_child = 0;
}

// Shares all that the process has; exit_signal and the parent are the process's.
Co<Result<int32_t>> clone_thread(Kernel& kernel, Task& task, const CloneRequest& request) {
  using Answer = Result<int32_t>;
  Task* const child = kernel.processes().create_task(task.process());
  if (!child) co_return Answer(Errno{EAGAIN});
  inherit(*child, task, request);
  const int32_t tid = child->tid();
  co_await store_tids(kernel, task, *child, request);
  kernel.start_task(*child);
  co_return Answer(tid);
}

// The file for CLONE_PIDFD under a descriptor that the program knows of, before
// there is a child.
struct ChildFile {
  int descriptor = -1;
  OpenFilePtr file;
};

Co<Result<int32_t>> make_child(Kernel& kernel, Task& task, const CloneRequest& request, const ChildFile& file) {
  using Answer = Result<int32_t>;
  Process& parent = task.process();
  Result<std::shared_ptr<AddressSpace>> space = co_await child_space(parent, request.flags & kCloneVm);
  if (!space.ok()) co_return Answer(space.error());
  Process* const child = kernel.create_process();
  if (!child) co_return Answer(Errno{EAGAIN});

  child->space = std::move(*space);
  inherit(*child, parent, request);
  inherit(child->main_task(), task, request);
  adopt(parent, *child, request.flags & kCloneParent);
  if (file.file) {
    as_process_file(*file.file)->stand_for(*child);
    // It is the parent's alone.
    if (!(request.flags & kCloneFiles)) (void)child->files->close(file.descriptor).ok();
  }
  const int32_t pid = child->pid();
  co_await store_tids(kernel, task, child->main_task(), request);
  kernel.start_task(child->main_task());
  if (request.flags & kCloneVfork) co_await wait_for_release(kernel, task, *child);
  co_return Answer(pid);
}

Co<Result<ChildFile>> make_child_file(Kernel& kernel, Task& task, const CloneRequest& request) {
  Process& parent = task.process();
  ChildFile made;
  if (!(request.flags & kClonePidFd)) co_return made;
  made.file = make_process_file(kernel, 0).first;
  const Result<int> descriptor = parent.files->add(made.file, true, parent.limits[kLimitFiles].current);
  if (!descriptor.ok()) co_return descriptor.error();
  made.descriptor = descriptor.value();
  UserMemory user = kernel.user_memory(task);
  const Result<> stored = co_await user.put(VirtAddr(request.pidfd), made.descriptor);
  if (stored.ok()) co_return made;
  (void)parent.files->close(made.descriptor).ok();
  co_return stored.error();
}

Co<Result<int32_t>> clone_process(Kernel& kernel, Task& task, const CloneRequest& request) {
  using Answer = Result<int32_t>;
  Process& parent = task.process();
  Result<ChildFile> child_file = co_await make_child_file(kernel, task, request);
  if (!child_file.ok()) co_return Answer(child_file.error());
  const Answer made = co_await make_child(kernel, task, request, *child_file);
  // A descriptor that was handed out goes again, unless others closed it meanwhile.
  const bool drop = !made.ok() && child_file->file && parent.files->get(child_file->descriptor).ok();
  if (drop) (void)parent.files->close(child_file->descriptor).ok();
  co_return made;
}
}  // namespace

Co<Result<int32_t>> clone_task(Kernel& kernel, Task& task, CloneRequest request) {
  using Answer = Result<int32_t>;
  const Result<> checked = check(request);
  if (!checked.ok()) co_return Answer(checked.error());
  AccountScope account(kernel.cpu(), CycleAccount::exec);
  kernel.cpu().charge(Cycles(kernel.costs().fork));
  // Before anything is made: fork bombs end here.
  const uint64_t most = task.process().limits[kLimitProcesses].current;
  if (kernel.processes().tasks() >= most) co_return Answer(Errno{EAGAIN});
  if (request.flags & kCloneThread) {
    const Answer made = co_await clone_thread(kernel, task, request);
    co_return made;
  }
  const Answer made = co_await clone_process(kernel, task, request);
  co_return made;
}

}  // namespace faultline::os
