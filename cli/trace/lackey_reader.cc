// valgrind --tool=lackey --trace-mem=yes (Valgrind manual, chapter 13): a line a
// reference, address in hexadecimal, size in decimal:
//   I  04001090,3     instruction
//    L 1ffefffe7c,4   load
//    S 1ffefffe68,8   store
//    M 0421c7cc,4     load, then store of the same bytes
#include "cli/trace/text_reader.h"

namespace faultline::cli {
namespace {

// Valgrind's own lines begin with ==PID==, --PID-- or **PID**; "SB address" is a
// superblock (--trace-superblocks=yes).
bool is_banner(const Line& line) {
  if (line.end - line.at < 2) return false;
  const char first = line.at[0];
  if ((first == '=' || first == '-' || first == '*') && line.at[1] == first) return true;
  return first == 'S' && line.at[1] == 'B';
}

const char* parse(Line line, uint64_t number, std::vector<Reference>& batch, uint64_t& records) {
  constexpr const char* kUnknown = "not a line of lackey's --trace-mem=yes";
  char kind = 0;
  if (line.end - line.at >= 4 && line.at[2] == ' ' && line.at[0] == ' ') {
    kind = line.at[1];
    line.at += 3;
  } else if (line.end - line.at >= 4 && line.at[0] == 'I' && line.at[1] == ' ' && line.at[2] == ' ') {
    kind = 'I';
    line.at += 3;
  } else {
    if (is_banner(line)) return nullptr;
    line.skip_blanks();
    return line.empty() ? nullptr : kUnknown;
  }
  uint64_t address = 0;
  uint64_t bytes = 0;
  switch (read_hexadecimal(line, address)) {
    case NumberError::no_digit:
      return "no hexadecimal address";
    case NumberError::too_large:
      return "an address of more than 64 bits";
    case NumberError::none:
      break;
  }
  if (!line.skip(',')) return "no comma after the address";
  if (read_decimal(line, bytes) != NumberError::none) return "no size after the address";
  line.skip_blanks();
  if (!line.empty()) return "more than an address and a size";
  ++records;
  switch (kind) {
    case 'I':
      return add_reference(batch, Access::fetch, address, bytes, number);
    case 'L':
      return add_reference(batch, Access::load, address, bytes, number);
    case 'S':
      return add_reference(batch, Access::store, address, bytes, number);
    case 'M': {
      const char* wrong = add_reference(batch, Access::load, address, bytes, number);
      return wrong ? wrong : add_reference(batch, Access::store, address, bytes, number);
    }
    default:
      return kUnknown;
  }
}

}  // namespace

std::unique_ptr<TraceReader> make_lackey_reader(TraceInput& input) {
  return std::make_unique<TextReader<parse>>(input);
}

}  // namespace faultline::cli
