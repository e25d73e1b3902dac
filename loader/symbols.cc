#include "loader/symbols.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <tuple>

#include "loader/elf_format.h"

namespace faultline::loader {
namespace {

// Elf64_Ehdr, Elf64_Shdr, Elf64_Sym.
constexpr size_t kSectionHeaderOffset = 40;
constexpr size_t kSectionHeaderSize = 58;
constexpr size_t kSectionCount = 60;
constexpr size_t kSectionBytes = 64;
constexpr size_t kSectionType = 4;
constexpr size_t kSectionOffset = 24;
constexpr size_t kSectionLength = 32;
constexpr size_t kSectionLink = 40;
constexpr uint32_t kSymbolTable = 2;
constexpr size_t kSymbolBytes = 24;
constexpr size_t kSymbolInfo = 4;
constexpr size_t kSymbolValue = 8;
constexpr size_t kSymbolSize = 16;
constexpr uint8_t kFunction = 2;

using Bytes = std::span<const uint8_t>;

// Empty unless all of it lies in the file.
Bytes part(Bytes file, uint64_t offset, uint64_t length) {
  if (offset > file.size() || length > file.size() - offset) return {};
  return file.subspan(offset, length);
}

std::optional<Bytes> section(Bytes file, uint64_t number) {
  const auto table = elf::field<uint64_t>(file, kSectionHeaderOffset);
  if (number >= elf::field<uint16_t>(file, kSectionCount)) return std::nullopt;
  const Bytes header = part(file, table, (number + 1) * kSectionBytes);
  if (header.empty()) return std::nullopt;
  return header.subspan(number * kSectionBytes);
}

Bytes contents(Bytes file, Bytes header) {
  return part(file, elf::field<uint64_t>(header, kSectionOffset), elf::field<uint64_t>(header, kSectionLength));
}

// To the NUL, the end or the longest; what cannot be printed shows as '?'.
std::string text_at(Bytes strings, uint64_t offset) {
  std::string name;
  for (uint64_t at = offset; at < strings.size() && strings[at] != 0 && name.size() < Symbols::kLongestName; ++at) {
    name += strings[at] > ' ' && strings[at] < 0x7f ? static_cast<char>(strings[at]) : '?';
  }
  return name;
}

}  // namespace

Symbols::Symbols(std::span<const uint8_t> file) {
  constexpr size_t kHeaderBytes = 64;
  if (file.size() < kHeaderBytes || elf::field<uint16_t>(file, kSectionHeaderSize) != kSectionBytes) return;
  for (uint64_t number = 0;; ++number) {
    const std::optional<Bytes> header = section(file, number);
    if (!header) return;
    if (elf::field<uint32_t>(*header, kSectionType) != kSymbolTable) continue;
    const std::optional<Bytes> linked = section(file, elf::field<uint32_t>(*header, kSectionLink));
    if (!linked) return;
    const Bytes strings = contents(file, *linked);
    const Bytes table = contents(file, *header);
    const size_t count = std::min(table.size() / kSymbolBytes, kMost);
    for (size_t i = 0; i < count; ++i) {
      const Bytes symbol = table.subspan(i * kSymbolBytes, kSymbolBytes);
      if ((symbol[kSymbolInfo] & 0xf) != kFunction) continue;
      Function function{.begin = elf::field<uint64_t>(symbol, kSymbolValue),
                        .bytes = elf::field<uint64_t>(symbol, kSymbolSize),
                        .name = text_at(strings, elf::field<uint32_t>(symbol, 0))};
      if (function.bytes != 0 && !function.name.empty()) functions_.push_back(std::move(function));
    }
    break;
  }
  std::sort(functions_.begin(), functions_.end(), [](const Function& a, const Function& b) {
    return std::tie(a.begin, a.bytes, a.name) < std::tie(b.begin, b.bytes, b.name);
  });
}

std::string Symbols::name_at(VirtAddr address) const {
  auto at = std::upper_bound(functions_.begin(), functions_.end(), address.value,
                             [](uint64_t value, const Function& function) { return value < function.begin; });
  if (at == functions_.begin()) return "";
  --at;
  // Several names of one function: the first.
  while (at != functions_.begin() && std::prev(at)->begin == at->begin && std::prev(at)->bytes == at->bytes) --at;
  const uint64_t offset = address.value - at->begin;
  if (offset >= at->bytes) return "";
  if (offset == 0) return at->name;
  std::array<char, 17> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), offset, 16).ptr;
  return at->name + "+0x" + std::string(digits.data(), end);
}

}  // namespace faultline::loader
