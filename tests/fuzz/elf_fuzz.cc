// Any bytes at all as a program: the reader must answer, and what it accepts must
// be fit for mapping. libFuzzer's entry; elf_fuzz_driver.cc calls it too.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "loader/elf.h"
#include "loader/initial_stack.h"

namespace faultline::loader {
namespace {

constexpr VirtAddr kStackTop(0x7ffffffff000);

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "elf_fuzz: broken: %s\n", what);
  std::abort();
}

void check_error(const LoadError& error) {
  require(!error.what.empty(), "an error says what is wrong");
  require(std::all_of(error.what.begin(), error.what.end(), [](char c) { return c >= ' ' && c <= '~'; }),
          "an error is one printable line");
  require(error.error_number() > 0, "an error has an errno");
}

void check_segments(const ProgramImage& image, uint64_t file_bytes, const AddressLimits& limits) {
  require(!image.segments.empty(), "there is a segment");
  const Segment* before = nullptr;
  bool entry_inside = false;
  for (const Segment& segment : image.segments) {
    require(segment.memory_bytes > 0 && segment.file_bytes <= segment.memory_bytes, "sizes agree");
    require(segment.address < segment.end() && segment.end() <= limits.user_end, "addresses are the user's");
    if (segment.file_bytes > 0) {
      require(segment.file_offset <= file_bytes && segment.file_bytes <= file_bytes - segment.file_offset,
              "bytes are in the file");
      require(
          ((segment.address.value ^ segment.file_offset) & (std::min<uint64_t>(limits.page.bytes(), 4096) - 1)) == 0,
          "pages of the file fit");
    }
    require(!before || before->end() <= segment.address, "segments ascend and do not overlap");
    before = &segment;
    entry_inside |= segment.execute && image.entry >= segment.address && image.entry < segment.end();
  }
  require(entry_inside && image.entry.value % 2 == 0, "the entry can be executed");
  require(std::has_single_bit(image.alignment), "the alignment is a power of two");
}

void check_image(const ProgramImage& image, uint64_t file_bytes, const AddressLimits& limits) {
  check_segments(image, file_bytes, limits);
  if (image.interpreter) {
    require(
        image.interpreter->offset <= file_bytes && image.interpreter->bytes <= file_bytes - image.interpreter->offset,
        "the interpreter's path is in the file");
    require(image.interpreter_path.find('\0') == std::string::npos, "the interpreter's path is a C string");
  }
  const uint64_t step = std::max(image.alignment, limits.page.bytes());
  for (const uint64_t near : {uint64_t{0x10000}, uint64_t{0x2aaaaaa000}, limits.user_end.value, ~uint64_t{0}}) {
    const uint64_t bias = near & ~(step - 1);
    const auto placed = image.placed_at(bias, limits);
    if (placed) {
      check_segments(*placed, file_bytes, limits);
    } else {
      check_error(placed.error());
    }
  }
}

// The stack with whatever strings the bytes make up.
void check_stack(const ProgramImage& image, std::span<const uint8_t> bytes) {
  StackRequest request;
  request.path = "/program";
  bool argument = true;
  for (auto at = bytes.begin(); at != bytes.end();) {
    const auto end = std::find(at, bytes.end(), uint8_t{0});
    (argument ? request.arguments : request.environment).emplace_back(at, end);
    argument = !argument;
    at = end == bytes.end() ? end : end + 1;
  }
  const auto stack = build_initial_stack(request, image, kStackTop, 8 << 20);
  if (!stack) return check_error(stack.error());
  require(stack->stack_pointer.value % 16 == 0, "the stack is aligned");
  require(stack->stack_pointer + stack->bytes.size() == kStackTop, "the stack ends at its top");
}

void check(std::span<const uint8_t> file, const AddressLimits& limits) {
  const auto image = parse_elf(file, limits);
  if (!image) return check_error(image.error());
  check_image(*image, file.size(), limits);
  check_stack(*image, file.first(std::min<size_t>(file.size(), 256)));
}

}  // namespace
}  // namespace faultline::loader

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace faultline;
  const std::span<const uint8_t> file(data, size);
  loader::check(file, {PageSize{12}, VirtAddr(0x10000), VirtAddr(uint64_t{1} << 47)});
  loader::check(file, {PageSize{16}, VirtAddr(0x10000), VirtAddr(0xc0000000)});
  return 0;
}
