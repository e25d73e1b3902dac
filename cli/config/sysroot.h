#pragma once

namespace faultline::cli {

// The cross compiler's: what --sysroot is without being given.
inline constexpr const char* kDefaultSysroot = "/usr/riscv64-linux-gnu";

}  // namespace faultline::cli
