// Files of /proc/PID about single pages: pagemap and clear_refs (proc(5)).
#pragma once

#include "os/files/inode.h"

namespace faultline::os {

class Vfs;

// 8 bytes for each page of the address space; frames are told to root alone.
InodePtr make_page_map(const Vfs& vfs, const Mount& mount, uint64_t number, Attributes given, int32_t pid);
// A digit written there says which pages count as unreferenced from now on.
InodePtr make_clear_references(const Vfs& vfs, const Mount& mount, uint64_t number, Attributes given, int32_t pid);

}  // namespace faultline::os
