#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "loader/elf.h"
#include "loader/elf_format.h"

namespace faultline::loader {
namespace {

// fs/binfmt_elf.c, load_elf_phdrs(): a longer table is refused.
constexpr uint64_t kLongestTable = 65536;

// Linux refuses a bad header as ENOEXEC, so that other loaders may try.
template <class... Values>
LoadError wrong(uint64_t offset, fmt::format_string<Values...> text, Values&&... values) {
  return {Failure::not_executable,
          fmt::format("offset {:#x}: ", offset) + fmt::format(text, std::forward<Values>(values)...)};
}

std::optional<LoadError> check_identification(std::span<const uint8_t> bytes) {
  constexpr std::array<uint8_t, 4> kMagic = {0x7f, 'E', 'L', 'F'};
  if (bytes.size() < kMagic.size() || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin()))
    return wrong(0, "no ELF file: it does not begin with 7f 45 4c 46");
  if (bytes.size() < kElfHeaderBytes)
    return wrong(bytes.size(), "the file ends inside the ELF header of {} bytes", kElfHeaderBytes);
  if (uint8_t value = bytes[elf::kClass]; value != elf::kClass64)
    return wrong(elf::kClass, "class is {}, expected 2 (64-bit)", value);
  if (uint8_t value = bytes[elf::kData]; value != elf::kLittleEndian)
    return wrong(elf::kData, "byte order is {}, expected 1 (little-endian)", value);
  if (uint8_t value = bytes[elf::kIdentVersion]; value != elf::kVersionCurrent)
    return wrong(elf::kIdentVersion, "version is {}, expected 1", value);
  return std::nullopt;
}

std::optional<LoadError> check_machine(std::span<const uint8_t> bytes) {
  const auto machine = elf::field<uint16_t>(bytes, elf::kMachine);
  if (machine != elf::kMachineRiscv) return wrong(elf::kMachine, "machine is {}, expected 243 (RISC-V)", machine);
  const auto version = elf::field<uint32_t>(bytes, elf::kVersion);
  if (version != elf::kVersionCurrent) return wrong(elf::kVersion, "version is {}, expected 1", version);
  const auto flags = elf::field<uint32_t>(bytes, elf::kFlags);
  if (flags & elf::kFlagRve) return wrong(elf::kFlags, "flags are {:#x}: RV64E programs are not supported", flags);
  if ((flags & elf::kFlagFloatAbiMask) == elf::kFlagFloatAbiQuad)
    return wrong(elf::kFlags, "flags are {:#x}: the quad-precision ABI is not supported", flags);
  return std::nullopt;
}

Expected<FileRange> program_headers(std::span<const uint8_t> bytes, uint64_t file_bytes) {
  const auto size = elf::field<uint16_t>(bytes, elf::kProgramHeaderSize);
  if (size != kProgramHeaderBytes)
    return wrong(elf::kProgramHeaderSize, "size of a program header is {}, expected {}", size, kProgramHeaderBytes);
  const auto count = elf::field<uint16_t>(bytes, elf::kProgramHeaderCount);
  if (count == 0) return wrong(elf::kProgramHeaderCount, "there are no program headers");
  const FileRange table{elf::field<uint64_t>(bytes, elf::kProgramHeaderOffset), count * kProgramHeaderBytes};
  if (table.bytes > kLongestTable)
    return wrong(elf::kProgramHeaderCount, "{} program headers take {} bytes, expected at most {}", count, table.bytes,
                 kLongestTable);
  if (table.offset > file_bytes || table.bytes > file_bytes - table.offset)
    return wrong(elf::kProgramHeaderOffset,
                 "{:#x} bytes of program headers at {:#x} reach beyond the end of the file at {:#x}", table.bytes,
                 table.offset, file_bytes);
  return table;
}

}  // namespace

Expected<ElfHeader> parse_header(std::span<const uint8_t> first_bytes, uint64_t file_bytes) {
  if (auto error = check_identification(first_bytes)) return *error;
  ElfHeader header;
  const auto type = elf::field<uint16_t>(first_bytes, elf::kType);
  if (type == elf::kTypeDynamic) {
    header.kind = ProgramKind::position_independent;
  } else if (type != elf::kTypeExecutable) {
    return wrong(elf::kType, "type is {}, expected 2 (executable) or 3 (position-independent)", type);
  }
  if (auto error = check_machine(first_bytes)) return *error;
  auto table = program_headers(first_bytes, file_bytes);
  if (!table) return table.error();
  header.program_headers = *table;
  header.program_header_count = elf::field<uint16_t>(first_bytes, elf::kProgramHeaderCount);
  header.entry = VirtAddr(elf::field<uint64_t>(first_bytes, elf::kEntry));
  return header;
}

}  // namespace faultline::loader
