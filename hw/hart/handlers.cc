#include "hw/hart/handlers.h"

#include <algorithm>
#include <stdexcept>

namespace faultline::hw {

HandlerTable make_handlers(FetchMode fetch, DataMode data) {
  HandlerTable table;
  add_integer_handlers(table);
  add_multiply_handlers(table);
  add_control_handlers(table, fetch);
  add_system_handlers(table);
  add_memory_handlers(table, data);
  add_atomic_handlers(table);
  add_float_handlers(table);
  add_float_conversion_handlers(table);
  if (std::find(table.by_opcode.begin(), table.by_opcode.end(), nullptr) != table.by_opcode.end()) {
    throw std::logic_error("an instruction has no handler");
  }
  return table;
}

}  // namespace faultline::hw
