// /proc: what the model tells of itself, made when it is opened.
#pragma once

#include <memory>

#include "os/files/inode.h"

namespace faultline::os {

class Vfs;

// The root of a /proc. `vfs` and `mount` outlive it.
InodePtr make_proc(const Vfs& vfs, const Mount& mount);

}  // namespace faultline::os
