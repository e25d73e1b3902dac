// Builds the guest's name space once, before the run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "os/files/namespace_config.h"
#include "os/files/vfs.h"

namespace faultline::os {

class NamespaceBuilder {
 public:
  NamespaceBuilder(Vfs& vfs, const NamespaceConfig& config) : vfs_(vfs), config_(config) {}

  // One line that says what is wrong, or nothing.
  std::optional<std::string> build();

 private:
  // Something that goes into the name space at one place.
  struct Plan {
    std::vector<std::string> place;  // components of the guest's path
    InodePtr inode;
  };
  struct Owner {
    uint32_t uid;
    uint32_t gid;
  };

  std::optional<std::string> plan_root();
  std::optional<std::string> plan_sysroot();
  std::optional<std::string> plan_current_directory();
  std::optional<std::string> plan_bind(const Bind& bind);
  void plan_model();  // /tmp, /dev, /proc
  std::optional<std::string> plan_host(const std::string& host, const std::string& guest, bool writable, Owner owner);
  std::optional<std::string> attach_all();
  std::optional<std::string> attach(const Plan& plan);
  std::optional<std::string> place_program();
  std::optional<std::string> enter_current_directory();
  void make_streams();

  Mount& new_mount(bool writable, bool in_memory);
  Attributes attributes(uint32_t permissions, Owner owner) const;
  InodePtr memory_directory(uint32_t permissions, Owner owner);
  InodePtr device_directory();

  Vfs& vfs_;
  const NamespaceConfig& config_;
  InodePtr root_;
  std::vector<Plan> plans_;
  std::string current_;  // absolute path in the guest's name space
};

}  // namespace faultline::os
