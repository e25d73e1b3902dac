#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>

#include "loader/elf.h"
#include "loader/elf_format.h"
#include "loader/page_plan.h"

namespace faultline::loader {
namespace {

constexpr uint64_t kLongestPath = 4096;  // PATH_MAX of Linux, with the NUL

// One program header with its place in the file, for messages.
struct Entry {
  unsigned index = 0;
  uint64_t offset = 0;
  std::span<const uint8_t> bytes;

  template <class T>
  T field(size_t at) const {
    return elf::field<T>(bytes, at);
  }

  // `at`: the field that is wrong.
  template <class... Values>
  LoadError wrong(Failure failure, size_t at, fmt::format_string<Values...> text, Values&&... values) const {
    return {failure, fmt::format("offset {:#x}: program header {}: ", offset + at, index) +
                         fmt::format(text, std::forward<Values>(values)...)};
  }
};

struct Loadable {
  Segment segment;
  unsigned index = 0;  // of its program header
};

// Whether the segment's bytes are in the file, and where mapping needs them.
std::optional<LoadError> check_file_range(const Entry& entry, const Segment& segment, uint64_t file_bytes,
                                          PageSize page) {
  if (segment.file_bytes > segment.memory_bytes)
    return entry.wrong(Failure::invalid, elf::kSegmentMemoryBytes, "memory size {:#x} is below the file size {:#x}",
                       segment.memory_bytes, segment.file_bytes);
  if (segment.file_bytes == 0) return std::nullopt;
  if (segment.file_offset > file_bytes || segment.file_bytes > file_bytes - segment.file_offset)
    return entry.wrong(Failure::not_executable, elf::kSegmentOffset,
                       "{:#x} bytes at {:#x} reach beyond the end of the file at {:#x}", segment.file_bytes,
                       segment.file_offset, file_bytes);
  // With larger pages, what cannot be mapped is filled by copying.
  const uint64_t linked = std::min(page.bytes(), kLinkedPageBytes);
  if ((segment.file_offset ^ segment.address.value) % linked != 0)
    return entry.wrong(Failure::invalid, elf::kSegmentAddress,
                       "address {:#x} and file offset {:#x} differ modulo the page size {:#x}", segment.address.value,
                       segment.file_offset, linked);
  return std::nullopt;
}

std::optional<LoadError> check_addresses(const Entry& entry, const Segment& segment, ProgramKind kind,
                                         const AddressLimits& limits) {
  const uint64_t address = segment.address.value;
  if (segment.memory_bytes > ~uint64_t{0} - address)
    return entry.wrong(Failure::invalid, elf::kSegmentMemoryBytes,
                       "{:#x} bytes at {:#x} wrap around the end of the address space", segment.memory_bytes, address);
  if (address + segment.memory_bytes > limits.user_end.value)
    return entry.wrong(Failure::invalid, elf::kSegmentAddress,
                       "{:#x} bytes at {:#x} reach beyond user space at {:#x}{}", segment.memory_bytes, address,
                       limits.user_end.value,
                       segment.memory_bytes < limits.user_end.value
                           ? "; link it lower with -Wl,-Ttext-segment=ADDRESS, or choose page tables of wider addresses"
                           : "");
  if (kind == ProgramKind::fixed && limits.page.round_down(address) < limits.user_begin.value) {
    const uint64_t page = limits.page.bytes();
    const std::string advice =
        fmt::format("; link it with -Wl,-Ttext-segment={:#x}{}", limits.user_begin.value,
                    page > kLinkedPageBytes ? fmt::format(" (and -Wl,-z,max-page-size={:#x}, so that its segments "
                                                          "share no page)",
                                                          page)
                                            : "");
    return entry.wrong(Failure::invalid, elf::kSegmentAddress,
                       "address {:#x} is below the lowest that may be mapped, {:#x}{}", address,
                       limits.user_begin.value, advice);
  }
  return std::nullopt;
}

Expected<Segment> read_segment(const Entry& entry, ProgramKind kind, uint64_t file_bytes, const AddressLimits& limits) {
  Segment segment;
  segment.address = VirtAddr(entry.field<uint64_t>(elf::kSegmentAddress));
  segment.memory_bytes = entry.field<uint64_t>(elf::kSegmentMemoryBytes);
  segment.file_offset = entry.field<uint64_t>(elf::kSegmentOffset);
  segment.file_bytes = entry.field<uint64_t>(elf::kSegmentFileBytes);
  const auto flags = entry.field<uint32_t>(elf::kSegmentFlags);
  segment.read = (flags & elf::kRead) != 0;
  segment.write = (flags & elf::kWrite) != 0;
  segment.execute = (flags & elf::kExecute) != 0;
  if (auto error = check_file_range(entry, segment, file_bytes, limits.page)) return *error;
  if (auto error = check_addresses(entry, segment, kind, limits)) return *error;
  return segment;
}

Expected<uint64_t> read_alignment(const Entry& entry, const AddressLimits& limits) {
  const auto alignment = entry.field<uint64_t>(elf::kSegmentAlignment);
  if (alignment <= 1) return uint64_t{1};
  if (!std::has_single_bit(alignment))
    return entry.wrong(Failure::invalid, elf::kSegmentAlignment, "alignment {:#x} is not a power of two", alignment);
  if (alignment >= limits.user_end.value)
    return entry.wrong(Failure::invalid, elf::kSegmentAlignment, "alignment {:#x} exceeds user space", alignment);
  return alignment;
}

Expected<FileRange> read_interpreter(const Entry& entry, uint64_t file_bytes) {
  const FileRange path{entry.field<uint64_t>(elf::kSegmentOffset), entry.field<uint64_t>(elf::kSegmentFileBytes)};
  if (path.bytes < 2 || path.bytes > kLongestPath)
    return entry.wrong(Failure::not_executable, elf::kSegmentFileBytes,
                       "the interpreter's path takes {:#x} bytes, expected 2 to {:#x}", path.bytes, kLongestPath);
  if (path.offset > file_bytes || path.bytes > file_bytes - path.offset)
    return entry.wrong(Failure::truncated, elf::kSegmentOffset,
                       "the interpreter's path at {:#x} reaches beyond the end of the file at {:#x}", path.offset,
                       file_bytes);
  return path;
}

// Two segments may meet in a page of the size that programs are linked for only
// when one page of the file holds both: then the later mapping brings the bytes
// of the earlier along. A larger page is filled with the bytes of both.
bool may_share_page(const Segment& low, const Segment& high, PageSize page) {
  if (page.bytes() > kLinkedPageBytes) return true;
  return low.file_bytes == low.memory_bytes && high.file_bytes > 0 &&
         low.address.value - low.file_offset == high.address.value - high.file_offset;
}

std::optional<LoadError> check_neighbours(const ElfHeader& header, const std::vector<Loadable>& sorted, PageSize page) {
  for (size_t i = 1; i < sorted.size(); ++i) {
    const Segment& low = sorted[i - 1].segment;
    const Segment& high = sorted[i].segment;
    const uint64_t offset =
        header.program_headers.offset + sorted[i].index * kProgramHeaderBytes + elf::kSegmentAddress;
    if (high.address < low.end())
      return LoadError{Failure::invalid,
                       fmt::format("offset {:#x}: program header {}: segment {:#x} to {:#x} overlaps that of program "
                                   "header {}, {:#x} to {:#x}",
                                   offset, sorted[i].index, high.address.value, high.end().value, sorted[i - 1].index,
                                   low.address.value, low.end().value)};
    if (page.round_down(low.end().value - 1) == page.round_down(high.address.value) && !may_share_page(low, high, page))
      return LoadError{
          Failure::invalid,
          fmt::format("offset {:#x}: program header {}: segment at {:#x} shares a page of {:#x} bytes with "
                      "that of program header {}, which ends at {:#x}; link it with -Wl,-z,max-page-size={:#x}",
                      offset, sorted[i].index, high.address.value, page.bytes(), sorted[i - 1].index, low.end().value,
                      page.bytes())};
  }
  return std::nullopt;
}

std::optional<LoadError> check_entry(VirtAddr entry, const std::vector<Segment>& segments) {
  const auto inside = [entry](const Segment& segment) {
    return segment.execute && entry >= segment.address && entry < segment.end();
  };
  if (std::none_of(segments.begin(), segments.end(), inside))
    return LoadError{Failure::invalid,
                     fmt::format("offset {:#x}: entry {:#x} lies in no executable segment", elf::kEntry, entry.value)};
  if (entry.value % 2 != 0)
    return LoadError{Failure::invalid, fmt::format("offset {:#x}: entry {:#x} is odd, expected an even address",
                                                   elf::kEntry, entry.value)};
  return std::nullopt;
}

// As load_elf_binary() finds it: through the segment that holds the table.
std::optional<VirtAddr> find_program_headers(const FileRange& table, const std::vector<Segment>& segments) {
  for (const Segment& segment : segments) {
    if (table.offset < segment.file_offset || table.offset - segment.file_offset >= segment.file_bytes) continue;
    return segment.address + (table.offset - segment.file_offset);
  }
  return std::nullopt;
}

// Reads one program header into `image` or, for PT_LOAD, into `loadable`.
std::optional<LoadError> take_entry(const Entry& entry, uint64_t file_bytes, const AddressLimits& limits,
                                    ProgramImage& image, std::vector<Loadable>& loadable) {
  switch (entry.field<uint32_t>(elf::kSegmentType)) {
    case elf::kLoad: {
      auto segment = read_segment(entry, image.kind, file_bytes, limits);
      if (!segment) return segment.error();
      auto alignment = read_alignment(entry, limits);
      if (!alignment) return alignment.error();
      if (segment->memory_bytes == 0) return std::nullopt;
      image.alignment = std::max(image.alignment, *alignment);
      loadable.push_back({*segment, entry.index});
      return std::nullopt;
    }
    case elf::kInterpreter: {
      if (image.interpreter) return std::nullopt;  // Linux takes the first
      auto path = read_interpreter(entry, file_bytes);
      if (!path) return path.error();
      image.interpreter = *path;
      return std::nullopt;
    }
    case elf::kGnuStack:
      image.executable_stack = (entry.field<uint32_t>(elf::kSegmentFlags) & elf::kExecute) != 0;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

Expected<ProgramImage> parse_program(const ElfHeader& header, std::span<const uint8_t> table, uint64_t file_bytes,
                                     const AddressLimits& limits) {
  if (table.size() < header.program_headers.bytes)
    return LoadError{Failure::not_executable, fmt::format("offset {:#x}: the file ends inside the program headers",
                                                          header.program_headers.offset + table.size())};
  ProgramImage image;
  image.kind = header.kind;
  image.entry = header.entry;
  image.program_header_count = header.program_header_count;
  std::vector<Loadable> loadable;
  for (unsigned i = 0; i < header.program_header_count; ++i) {
    const uint64_t at = i * kProgramHeaderBytes;
    const Entry entry{i, header.program_headers.offset + at, table.subspan(at, kProgramHeaderBytes)};
    if (auto error = take_entry(entry, file_bytes, limits, image, loadable)) return *error;
  }
  if (loadable.empty())
    return LoadError{Failure::not_executable,
                     fmt::format("offset {:#x}: none of the {} program headers is a loadable segment",
                                 header.program_headers.offset, header.program_header_count)};
  std::stable_sort(loadable.begin(), loadable.end(),
                   [](const Loadable& a, const Loadable& b) { return a.segment.address < b.segment.address; });
  if (auto error = check_neighbours(header, loadable, limits.page)) return *error;
  for (const Loadable& one : loadable) image.segments.push_back(one.segment);
  if (auto error = check_entry(image.entry, image.segments)) return *error;
  image.program_headers = find_program_headers(header.program_headers, image.segments);
  return image;
}

Expected<std::string> parse_interpreter(std::span<const uint8_t> path, const FileRange& where) {
  if (path.size() < where.bytes)
    return LoadError{Failure::truncated, fmt::format("offset {:#x}: the file ends inside the interpreter's path",
                                                     where.offset + path.size())};
  if (path.empty() || path.back() != 0)
    return LoadError{Failure::not_executable,
                     fmt::format("offset {:#x}: the interpreter's path does not end with a zero byte",
                                 where.offset + path.size() - (path.empty() ? 0 : 1))};
  return std::string(path.begin(), std::find(path.begin(), path.end(), uint8_t{0}));
}

Expected<ProgramImage> parse_elf(std::span<const uint8_t> file, const AddressLimits& limits) {
  auto header = parse_header(file.first(std::min<size_t>(file.size(), kElfHeaderBytes)), file.size());
  if (!header) return header.error();
  const FileRange& table = header->program_headers;
  auto image = parse_program(*header, file.subspan(table.offset, table.bytes), file.size(), limits);
  if (!image || !image->interpreter) return image;
  const FileRange& where = *image->interpreter;
  auto path = parse_interpreter(file.subspan(where.offset, where.bytes), where);
  if (!path) return path.error();
  image->interpreter_path = *path;
  return image;
}

}  // namespace faultline::loader
