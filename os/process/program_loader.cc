#include "os/process/program_loader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "loader/elf.h"
#include "os/files/vfs.h"
#include "os/kernel.h"
#include "os/memory/memory_manager.h"
#include "os/memory/user_memory.h"

namespace faultline::os {

namespace {

// mmap(2) on riscv64 Linux.
constexpr int kProtRead = 1;
constexpr int kProtWrite = 2;
constexpr int kProtExec = 4;
constexpr int kMapPrivate = 0x02;
constexpr int kMapFixed = 0x10;
constexpr int kMapAnonymous = 0x20;

LoadFailure failure_of(const loader::LoadError& error) { return {.error = error.error_number(), .what = error.what}; }

struct FileBytes {
  std::vector<uint8_t> bytes;  // fewer than asked for at the file's end
  LoadFailure failure;
};

Co<FileBytes> read_bytes(Kernel& kernel, Inode& file, loader::FileRange range) {
  FileBytes answer;
  answer.bytes.resize(range.bytes);
  const Result<size_t> got = co_await kernel.vfs().read_inode(file, range.offset, answer.bytes);
  if (got.ok()) {
    answer.bytes.resize(got.value());
  } else {
    answer.failure = {.error = got.error().value, .what = "the file cannot be read"};
  }
  co_return answer;
}

int protection(const loader::Segment& segment) {
  return (segment.read ? kProtRead : 0) | (segment.write ? kProtWrite : 0) | (segment.execute ? kProtExec : 0);
}

Result<> map_range(AddressSpace& space, MapRequest request) {
  const Result<VirtAddr> mapped = space.map(request);
  if (!mapped.ok()) return mapped.error();
  return Unit{};
}

// The file's part of a segment: whole pages, of which the last may hold the
// beginning of the bss.
Result<> map_file_part(AddressSpace& space, const InodePtr& file, const loader::Segment& segment) {
  const PageSize page = space.page();
  const uint64_t start = page.round_down(segment.address.value);
  const uint64_t lead = segment.address.value - start;
  return map_range(space, {.hint = VirtAddr(start),
                           .length = lead + segment.file_bytes,
                           .protection = protection(segment),
                           .flags = kMapPrivate | kMapFixed,
                           .file = file,
                           .offset = segment.file_offset - lead});
}

Co<Result<>> map_segment(Kernel& kernel, AddressSpace& space, const InodePtr& file, const loader::Segment& segment) {
  const PageSize page = space.page();
  uint64_t zero_begin = segment.address.value;
  if (segment.file_bytes != 0) {
    const Result<> mapped = map_file_part(space, file, segment);
    if (!mapped.ok()) co_return mapped.error();
    zero_begin += segment.file_bytes;
  }
  const uint64_t end = segment.end().value;
  const uint64_t whole_pages = segment.file_bytes ? page.round_up(zero_begin) : page.round_down(zero_begin);
  if (end > whole_pages) {
    const Result<> mapped = map_range(space, {.hint = VirtAddr(whole_pages),
                                              .length = page.round_up(end) - whole_pages,
                                              .protection = protection(segment),
                                              .flags = kMapPrivate | kMapFixed | kMapAnonymous,
                                              .file = nullptr});
    if (!mapped.ok()) co_return mapped.error();
  }
  // The rest of the last page that holds file bytes. Where the program itself
  // may not write there, it keeps the file's bytes, as on Linux.
  if (segment.file_bytes != 0 && segment.memory_bytes > segment.file_bytes && segment.write) {
    const uint64_t tail_end = std::min(end, whole_pages);
    if (tail_end > zero_begin) {
      UserMemory user = kernel.memory().user_memory(space);
      const Result<> zeroed = co_await user.zero(VirtAddr(zero_begin), page.round_up(tail_end) - zero_begin);
      if (!zeroed.ok()) co_return zeroed.error();
    }
  }
  co_return Unit{};
}

}  // namespace

Co<ParsedProgram> read_program(Kernel& kernel, Inode& file, loader::AddressLimits limits) {
  ParsedProgram answer;
  const uint64_t size = file.size();
  FileBytes head = co_await read_bytes(kernel, file, {.offset = 0, .bytes = loader::kElfHeaderBytes});
  answer.failure = head.failure;
  if (answer.failure.error) co_return answer;
  const auto header = loader::parse_header(head.bytes, size);
  if (!header.ok()) {
    answer.failure = failure_of(header.error());
    co_return answer;
  }
  FileBytes table = co_await read_bytes(kernel, file, header->program_headers);
  answer.failure = table.failure;
  if (answer.failure.error) co_return answer;
  auto image = loader::parse_program(*header, table.bytes, size, limits);
  if (!image.ok()) {
    answer.failure = failure_of(image.error());
    co_return answer;
  }
  answer.image = std::move(*image);
  if (answer.image.interpreter) {
    FileBytes path = co_await read_bytes(kernel, file, *answer.image.interpreter);
    answer.failure = path.failure;
    if (answer.failure.error) co_return answer;
    auto text = loader::parse_interpreter(path.bytes, *answer.image.interpreter);
    if (!text.ok()) {
      answer.failure = failure_of(text.error());
    } else {
      answer.image.interpreter_path = std::move(*text);
    }
  }
  co_return answer;
}

Co<LoadFailure> map_program(Kernel& kernel, AddressSpace& space, const InodePtr& file,
                            const loader::ProgramImage& image) {
  for (const loader::Segment& segment : image.segments) {
    const Result<> mapped = co_await map_segment(kernel, space, file, segment);
    if (!mapped.ok()) {
      LoadFailure failure{.error = mapped.error().value, .what = "its segments cannot be mapped"};
      co_return failure;
    }
  }
  co_return LoadFailure{};
}

}  // namespace faultline::os
