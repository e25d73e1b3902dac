#include "os/process/timekeeping.h"

namespace faultline::os {

// Seconds and the rest are converted apart, so that neither product overflows
// for clocks up to 10 GHz.
uint64_t Timekeeping::nanoseconds(Cycles cycles) const {
  const uint64_t hz = cpu_.clock_hz();
  return cycles.value / hz * kNanosecondsPerSecond + cycles.value % hz * kNanosecondsPerSecond / hz;
}

Cycles Timekeeping::cycles(uint64_t nanoseconds) const {
  const uint64_t hz = cpu_.clock_hz();
  const uint64_t seconds = nanoseconds / kNanosecondsPerSecond;
  const uint64_t rest = nanoseconds % kNanosecondsPerSecond;
  if (seconds >= (Cpu::kForever.value - hz) / hz) return Cpu::kForever;
  return Cycles(seconds * hz + (rest * hz + kNanosecondsPerSecond - 1) / kNanosecondsPerSecond);
}

Cycles Timekeeping::after(uint64_t nanoseconds) const {
  const Cycles duration = cycles(nanoseconds);
  const Cycles now = cpu_.now();
  return duration >= Cpu::kForever - now ? Cpu::kForever : now + duration;
}

}  // namespace faultline::os
