// How many guest instructions a second the hart runs, without an operating
// system: hart_bench IMAGE flat|cached. Not a test: host time goes in.
#include <chrono>
#include <cstdio>
#include <string>

#include "hart_rig.h"

int main(int argc, char** argv) {
  using namespace faultline::hw;
  if (argc != 3) {
    std::fprintf(stderr, "usage: hart_bench IMAGE flat|cached\n");
    return 2;
  }
  HartRig rig(std::string(argv[2]) == "cached" ? cached_machine() : flat_machine(), read_file(argv[1]), 2 << 20);
  const auto start = std::chrono::steady_clock::now();
  const RunResult run = rig.run();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto instructions = static_cast<double>(run.hart.instructions);
  std::printf("%s: %.0f million instructions, %.2f s, %.0f million a second\n", argv[2], instructions / 1e6, seconds,
              instructions / 1e6 / seconds);
  return run.trap.cause == Trap::Cause::ecall ? 0 : 1;
}
