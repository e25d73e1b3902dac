// The guest's numbers for mmap and its relatives (Linux,
// include/uapi/asm-generic/mman-common.h and mman.h).
#pragma once

#include <cstdint>

namespace faultline::os {

inline constexpr uint64_t kLowestAddress = 65536;  // Linux: vm.mmap_min_addr

inline constexpr int kProtRead = 0x1;
inline constexpr int kProtWrite = 0x2;
inline constexpr int kProtExec = 0x4;
inline constexpr int kProtSem = 0x8;  // known, and without a meaning here
inline constexpr int kProtGrowsDown = 0x01000000;
inline constexpr int kProtGrowsUp = 0x02000000;

inline constexpr int kMapShared = 0x01;
inline constexpr int kMapPrivate = 0x02;
inline constexpr int kMapSharedValidate = 0x03;
inline constexpr int kMapType = 0x0f;
inline constexpr int kMapFixed = 0x10;
inline constexpr int kMapAnonymous = 0x20;
inline constexpr int kMapGrowsDown = 0x0100;
inline constexpr int kMapDenyWrite = 0x0800;
inline constexpr int kMapExecutable = 0x1000;
inline constexpr int kMapLocked = 0x2000;
inline constexpr int kMapNoReserve = 0x4000;
inline constexpr int kMapPopulate = 0x8000;
inline constexpr int kMapNonBlock = 0x10000;
inline constexpr int kMapStack = 0x20000;
inline constexpr int kMapHugeTlb = 0x40000;
inline constexpr unsigned kMapHugeShift = 26;  // MAP_HUGE_2MB and its like: log2 of the bytes
inline constexpr int kMapHugeMask = 0x3f;
inline constexpr int kMapSync = 0x80000;
inline constexpr int kMapFixedNoReplace = 0x100000;

inline constexpr int kMlockOnFault = 1;
inline constexpr int kMclCurrent = 1;
inline constexpr int kMclFuture = 2;
inline constexpr int kMclOnFault = 4;

inline constexpr int kMsAsync = 1;
inline constexpr int kMsInvalidate = 2;
inline constexpr int kMsSync = 4;

inline constexpr int kMremapMayMove = 1;
inline constexpr int kMremapFixed = 2;
inline constexpr int kMremapDontUnmap = 4;

inline constexpr int kMadvNormal = 0;
inline constexpr int kMadvRandom = 1;
inline constexpr int kMadvSequential = 2;
inline constexpr int kMadvWillNeed = 3;
inline constexpr int kMadvDontNeed = 4;
inline constexpr int kMadvFree = 8;
inline constexpr int kMadvRemove = 9;
inline constexpr int kMadvDontFork = 10;
inline constexpr int kMadvDoFork = 11;
inline constexpr int kMadvHugePage = 14;
inline constexpr int kMadvNoHugePage = 15;
inline constexpr int kMadvDontDump = 16;
inline constexpr int kMadvDoDump = 17;
inline constexpr int kMadvWipeOnFork = 18;
inline constexpr int kMadvKeepOnFork = 19;
inline constexpr int kMadvCold = 20;
inline constexpr int kMadvPageOut = 21;
inline constexpr int kMadvPopulateRead = 22;
inline constexpr int kMadvPopulateWrite = 23;
inline constexpr int kMadvDontNeedLocked = 24;
inline constexpr int kMadvCollapse = 25;

}  // namespace faultline::os
