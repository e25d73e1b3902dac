#include "loader/initial_stack.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace faultline::loader {
namespace {

// include/uapi/linux/auxvec.h
enum AuxiliaryType : uint64_t {
  at_null = 0,
  at_phdr = 3,
  at_phent = 4,
  at_phnum = 5,
  at_pagesz = 6,
  at_base = 7,
  at_flags = 8,
  at_entry = 9,
  at_uid = 11,
  at_euid = 12,
  at_gid = 13,
  at_egid = 14,
  at_hwcap = 16,
  at_clktck = 17,
  at_secure = 23,
  at_random = 25,
  at_execfn = 31,
};

// One bit a letter of the ISA string: I M A F D C.
constexpr uint64_t kHardwareCapabilities = 1u << ('i' - 'a') | 1u << ('m' - 'a') | 1u << ('a' - 'a') |
                                           1u << ('f' - 'a') | 1u << ('d' - 'a') | 1u << ('c' - 'a');
static_assert(kHardwareCapabilities == 0x112d);
constexpr uint64_t kClockTicks = 100;  // USER_HZ

constexpr uint64_t kWord = 8;
constexpr uint64_t kStackAlignment = 16;                   // RISC-V calling convention
constexpr uint64_t kSmallestStringLimit = 128 * 1024;      // ARG_MAX
constexpr uint64_t kLargestStringLimit = 6 * 1024 * 1024;  // three quarters of _STK_LIM

using AuxiliaryVector = std::vector<std::pair<uint64_t, uint64_t>>;

// What the strings need, in the order in which they lie in memory.
struct Strings {
  uint64_t arguments = 0;  // bytes with their NULs
  uint64_t environment = 0;
  uint64_t path = 0;

  uint64_t total() const { return arguments + environment + path; }
};

// The stack is written from its lowest byte up, into a block of known size.
class Writer {
 public:
  Writer(std::vector<uint8_t>& bytes, uint64_t offset) : bytes_(bytes), offset_(offset) {}

  void word(uint64_t value) {
    for (uint64_t i = 0; i < kWord; ++i) bytes_[offset_++] = static_cast<uint8_t>(value >> (8 * i));
  }
  void text(std::string_view string) {
    offset_ = static_cast<uint64_t>(std::copy(string.begin(), string.end(), at()) - bytes_.begin());
    bytes_[offset_++] = 0;
  }
  void raw(const std::array<uint8_t, 16>& values) { std::copy(values.begin(), values.end(), at()); }

 private:
  std::vector<uint8_t>::iterator at() { return bytes_.begin() + static_cast<ptrdiff_t>(offset_); }

  std::vector<uint8_t>& bytes_;
  uint64_t offset_;
};

std::optional<LoadError> too_long(std::string_view what, const std::vector<std::string>& strings) {
  for (size_t i = 0; i < strings.size(); ++i) {
    if (strings[i].size() + 1 <= kLongestString) continue;
    return LoadError{Failure::arguments_too_long, fmt::format("{} string {} has {} bytes, expected at most {}", what, i,
                                                              strings[i].size() + 1, kLongestString)};
  }
  return std::nullopt;
}

uint64_t bytes_of(const std::vector<std::string>& strings) {
  uint64_t sum = 0;
  for (const std::string& string : strings) sum += string.size() + 1;
  return sum;
}

// bprm_stack_limits() and copy_strings() of fs/exec.c: pointers and strings
// together against the limit.
std::optional<LoadError> check_lengths(const StackRequest& request, const std::vector<std::string>& arguments,
                                       const Strings& strings, uint64_t stack_limit) {
  if (auto error = too_long("argument", arguments)) return error;
  if (auto error = too_long("environment", request.environment)) return error;
  const uint64_t limit = string_limit(stack_limit);
  const uint64_t used = (arguments.size() + request.environment.size()) * kWord + strings.total();
  if (used <= limit) return std::nullopt;
  return LoadError{Failure::arguments_too_long,
                   fmt::format("arguments and environment take {} bytes, expected at most {}", used, limit)};
}

AuxiliaryVector auxiliary_vector(const StackRequest& request, const ProgramImage& image, VirtAddr random,
                                 VirtAddr path) {
  return {
      {at_hwcap, kHardwareCapabilities},
      {at_pagesz, request.page.bytes()},
      {at_clktck, kClockTicks},
      {at_phdr, image.program_headers.value_or(VirtAddr(0)).value},
      {at_phent, kProgramHeaderBytes},
      {at_phnum, image.program_header_count},
      {at_base, request.interpreter_base},
      {at_flags, 0},
      {at_entry, image.entry.value},
      {at_uid, request.uid},
      {at_euid, request.euid},
      {at_gid, request.gid},
      {at_egid, request.egid},
      {at_secure, 0},
      {at_random, random.value},
      {at_execfn, path.value},
      {at_null, 0},
  };
}

void write_pointers(Writer& writer, VirtAddr string, const std::vector<std::string>& strings) {
  for (const std::string& one : strings) {
    writer.word(string.value);
    string += one.size() + 1;
  }
  writer.word(0);
}

}  // namespace

uint64_t string_limit(uint64_t stack_limit) {
  return std::max(std::min(stack_limit / 4, kLargestStringLimit), kSmallestStringLimit);
}

// From the top down, as Linux leaves it:
//
//   top     a zero word
//           path, environment strings, argument strings
//           (aligned to 16) the 16 random bytes
//           auxiliary vector, envp, argv, argc
//   sp      16-byte aligned
Expected<InitialStack> build_initial_stack(const StackRequest& request, const ProgramImage& image, VirtAddr top,
                                           uint64_t stack_limit) {
  const std::vector<std::string> arguments =
      request.arguments.empty() ? std::vector<std::string>{""} : request.arguments;
  const Strings strings{bytes_of(arguments), bytes_of(request.environment), request.path.size() + 1};
  if (auto error = check_lengths(request, arguments, strings, stack_limit)) return *error;

  const VirtAddr path = top - (kWord + strings.path);
  const VirtAddr environment = path - strings.environment;
  const VirtAddr first_argument = environment - strings.arguments;
  const VirtAddr random(((first_argument.value) & ~(kStackAlignment - 1)) - request.random.size());
  const AuxiliaryVector auxiliary = auxiliary_vector(request, image, random, path);
  const uint64_t words = 1 + (arguments.size() + 1) + (request.environment.size() + 1) + 2 * auxiliary.size();
  const VirtAddr sp((random.value - words * kWord) & ~(kStackAlignment - 1));

  InitialStack stack{sp, std::vector<uint8_t>(top - sp), first_argument, environment, environment, path};
  Writer vectors(stack.bytes, 0);
  vectors.word(arguments.size());
  write_pointers(vectors, first_argument, arguments);
  write_pointers(vectors, environment, request.environment);
  for (const auto& [type, value] : auxiliary) {
    vectors.word(type);
    vectors.word(value);
  }
  Writer(stack.bytes, random - sp).raw(request.random);
  Writer texts(stack.bytes, first_argument - sp);
  for (const std::string& one : arguments) texts.text(one);
  for (const std::string& one : request.environment) texts.text(one);
  texts.text(request.path);
  return stack;
}

}  // namespace faultline::loader
