// Dinero's "din" traces, a line a record; what follows the fields is a comment.
//   Dinero III: LABEL ADDRESS, in hexadecimal. Labels 0 read, 1 write, 2 fetch,
//     3 and 4 "escape" records; the unit is a word of 4 bytes.
//   Dinero IV, extended: TYPE ADDRESS SIZE, in hexadecimal. Types r read, w write,
//     i fetch, m miscellaneous (a read that starts no prefetch), c copy back, v
//     invalidate.
// As Dinero IV reads them (manual page dineroIV(1)): label 3 is m, 4 is c, 5 is v,
// numbers may begin with 0x. c and v tell a cache what to do and refer to nothing.
#include "cli/trace/text_reader.h"

namespace faultline::cli {
namespace {

constexpr uint64_t kWordBytes = 4;

enum class Kind : uint8_t { load, store, fetch, control, unknown };

Kind of_label(char c) {
  switch (c) {
    case '0':
    case '3':
    case 'r':
    case 'R':
    case 'm':
    case 'M':
      return Kind::load;
    case '1':
    case 'w':
    case 'W':
      return Kind::store;
    case '2':
    case 'i':
    case 'I':
      return Kind::fetch;
    case '4':
    case '5':
    case 'c':
    case 'C':
    case 'v':
    case 'V':
      return Kind::control;
    default:
      return Kind::unknown;
  }
}

NumberError read_number(Line& line, uint64_t& value) {
  if (line.end - line.at >= 2 && line.at[0] == '0' && (line.at[1] == 'x' || line.at[1] == 'X')) line.at += 2;
  return read_hexadecimal(line, value);
}

const char* parse(Line line, uint64_t number, std::vector<Reference>& batch, uint64_t& records) {
  line.skip_blanks();
  if (line.empty()) return nullptr;
  const bool extended = *line.at > '9';
  const Kind kind = of_label(*line.at);
  ++line.at;
  if (kind == Kind::unknown || !line.at_field_end()) return "no label of a din trace: 0 to 5, or r, w, i, m, c, v";
  line.skip_blanks();
  uint64_t address = 0;
  uint64_t bytes = kWordBytes;
  const NumberError error = read_number(line, address);
  if (error == NumberError::too_large) return "an address of more than 64 bits";
  if (error != NumberError::none || !line.at_field_end()) return "no hexadecimal address after the label";
  if (extended) {
    line.skip_blanks();
    const NumberError size = read_number(line, bytes);
    if (size == NumberError::no_digit || !line.at_field_end()) return "no hexadecimal size after the address";
    if (size == NumberError::too_large) bytes = ~uint64_t{0};
  } else {
    address &= ~(kWordBytes - 1);
  }
  ++records;
  if (kind == Kind::control) return nullptr;
  const Access access = kind == Kind::load ? Access::load : kind == Kind::store ? Access::store : Access::fetch;
  return add_reference(batch, access, address, bytes, number);
}

}  // namespace

std::unique_ptr<TraceReader> make_din_reader(TraceInput& input) { return std::make_unique<TextReader<parse>>(input); }

}  // namespace faultline::cli
