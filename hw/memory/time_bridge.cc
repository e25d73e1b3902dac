#include "hw/memory/time_bridge.h"

#include <cstdlib>

namespace faultline::hw {

void TimeBridge::report_past() {
  SC_REPORT_ERROR("/faultline/time", "an access begins before SystemC's own time");
  std::abort();
}

void TimeBridge::report_backwards() {
  SC_REPORT_ERROR("/faultline/time", "a target of the memory side made time run backwards");
  std::abort();
}

}  // namespace faultline::hw
