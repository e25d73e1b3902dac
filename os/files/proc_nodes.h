// What the tree of /proc is made of: files whose text is made when they are read, links, and
// directories whose entries are made when asked for.
#pragma once

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "os/files/directory.h"
#include "os/files/open_file.h"
#include "os/files/vfs.h"
#include "os/memory/user_memory.h"

namespace faultline::os {

// Numbers of /proc: those of a process lie together, above all others.
inline constexpr uint64_t kProcNumbers = uint64_t{1} << 40;
inline constexpr uint64_t kNumbersPerProcess = 1 << 20;

Attributes proc_attributes(const Vfs& vfs, uint32_t permissions);

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

// --- the parts of the tree -----------------------------------------------------------

// /proc/PID/fd and /proc/PID/fdinfo.
InodePtr make_descriptors(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid);
InodePtr make_descriptor_facts(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid);
// /proc/PID/oom_score_adj, which can be written.
InodePtr make_oom_adjustment(const Vfs& vfs, const Mount& mount, uint64_t number, int32_t pid);
// /proc/sys.
InodePtr make_sys(const Vfs& vfs, const Mount& mount, uint64_t number);

}  // namespace faultline::os
