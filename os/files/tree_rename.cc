// rename(2) within a tree: two names, one or two directories, and what the host has of them.
#include "os/files/regular_file.h"
#include "os/files/tree_directory.h"

namespace faultline::os {

namespace {

constexpr uint32_t kRenameExchange = 2;

// The host file that the inode stands for goes by another name now.
void follow_on_host(const InodePtr& inode, const HostNodePtr& directory, std::string_view name) {
  if (auto* tree = inode->is(InodeType::directory) ? static_cast<Directory&>(*inode).tree() : nullptr) {
    if (tree->host()) tree->host()->moved(directory, std::string(name));
  } else if (inode->is(InodeType::regular)) {
    auto& file = static_cast<RegularFile&>(*inode);
    if (file.host()) file.host()->node->moved(directory, std::string(name));
  }
}

}  // namespace

// The other one too, where both changed places.
void TreeDirectory::tell_of_move(TreeDirectory& from, std::string_view from_name, Inode& moved, TreeDirectory& to,
                                 std::string_view to_name, Inode* other) {
  if (from.watches || to.watches || moved.watches) {
    const uint32_t cookie = ++from.services_.last_move;
    tell_watchers(from, {.events = kWatchMovedFrom | watch_kind(moved), .cookie = cookie, .name = from_name});
    tell_watchers(to, {.events = kWatchMovedTo | watch_kind(moved), .cookie = cookie, .name = to_name});
    tell_watchers(moved, {.events = kWatchMoveSelf});
  }
  if (other) tell_of_move(to, to_name, *other, from, from_name, nullptr);
}

Result<> TreeDirectory::rename(TreeDirectory& from, std::string_view from_name, const InodePtr& from_inode,
                               TreeDirectory& to, std::string_view to_name, const InodePtr& to_inode, uint32_t flags) {
  if (from.is_mounted(from_name) || to.is_mounted(to_name)) return Errno{EBUSY};
  const bool through = from.mount().writes_through && from.host_ && to.host_;
  const bool exchange = (flags & kRenameExchange) != 0;
  if (through) {
    if (to_inode && !exchange && to_inode->is(InodeType::regular)) {
      Result<> kept = static_cast<RegularFile&>(*to_inode).keep_after_unlink();
      if (!kept) return kept;
    }
    Result<> moved = from.host_->rename(from_name, *to.host_, to_name, flags);
    if (!moved) return moved;
  }
  const std::string source(from_name), target(to_name);
  if (exchange) {
    from.attach(source, to_inode);
    to.attach(target, from_inode);
    if (through) follow_on_host(to_inode, from.host_, source);
  } else {
    if (to_inode) to.forget_name(target, to_inode);
    const uint32_t links = from_inode->attributes.links;
    const bool whiteout = from.host_has(source) && !through;
    from.known_.erase(source);
    if (whiteout) from.known_[source] = Known{};
    to.attach(target, from_inode);
    from_inode->attributes.links = links;
  }
  if (through) follow_on_host(from_inode, to.host_, target);
  tell_of_move(from, source, *from_inode, to, target, exchange ? to_inode.get() : nullptr);
  if (to_inode && !exchange) tell_of_lost_name(*to_inode);
  from_inode->attributes.changed = from.services_.now();
  from.services_.note_change(*from_inode);
  from.touch();
  to.touch();
  return Unit{};
}

}  // namespace faultline::os
