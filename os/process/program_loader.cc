#include "os/process/program_loader.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "loader/elf.h"
#include "loader/page_plan.h"
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

int protection(const loader::PageRange& range) {
  return (range.read ? kProtRead : 0) | (range.write ? kProtWrite : 0) | (range.execute ? kProtExec : 0);
}

Result<> map_range(AddressSpace& space, MapRequest request) {
  const Result<VirtAddr> mapped = space.map(request);
  if (!mapped.ok()) return mapped.error();
  return Unit{};
}

// Pages of the file, of which the last may hold the beginning of the bss.
Co<Result<>> map_file(Kernel& kernel, AddressSpace& space, const InodePtr& file, const loader::PageRange& range) {
  const Result<> mapped = map_range(space, {.hint = range.begin,
                                            .length = range.file_length,
                                            .protection = protection(range),
                                            .flags = kMapPrivate | kMapFixed,
                                            .file = file,
                                            .offset = range.file_offset});
  if (!mapped.ok() || !range.zero_tail) co_return mapped;
  UserMemory user = kernel.memory().user_memory(space);
  const Result<> zeroed = co_await user.zero(range.begin + range.file_length, range.bytes - range.file_length);
  co_return zeroed;
}

Result<> map_anonymous(AddressSpace& space, const loader::PageRange& range, int protection) {
  return map_range(space, {.hint = range.begin,
                           .length = range.bytes,
                           .protection = protection,
                           .flags = kMapPrivate | kMapFixed | kMapAnonymous,
                           .file = nullptr});
}

// Copies bytes of the file to where they belong, a bounded buffer at a time.
Co<Result<>> copy_piece(Kernel& kernel, AddressSpace& space, Inode& file, loader::Piece piece) {
  constexpr uint64_t kBufferBytes = 64 << 10;
  UserMemory user = kernel.memory().user_memory(space);
  while (piece.file.bytes > 0) {
    const loader::FileRange part{piece.file.offset, std::min(piece.file.bytes, kBufferBytes)};
    const FileBytes read = co_await read_bytes(kernel, file, part);
    if (read.failure.error) co_return Errno(read.failure.error);
    // A file that was cut short since its headers were read.
    if (read.bytes.empty()) co_return Errno(EIO);
    const Result<> written = co_await user.write(piece.address, read.bytes);
    if (!written.ok()) co_return written.error();
    piece.address += read.bytes.size();
    piece.file.offset += read.bytes.size();
    piece.file.bytes -= read.bytes.size();
  }
  co_return Unit{};
}

// Pages that the file cannot be mapped to: written by the kernel first, what
// the program may do comes after.
Co<Result<>> fill(Kernel& kernel, AddressSpace& space, const InodePtr& file, const loader::PageRange& range,
                  const std::vector<loader::Segment>& segments) {
  const Result<> mapped = map_anonymous(space, range, kProtRead | kProtWrite);
  if (!mapped.ok()) co_return mapped.error();
  for (const loader::Piece& piece : loader::pieces_of(range, segments)) {
    const Result<> copied = co_await copy_piece(kernel, space, *file, piece);
    if (!copied.ok()) co_return copied.error();
  }
  co_return space.protect(range.begin, range.bytes, protection(range));
}

Co<Result<>> map_pages(Kernel& kernel, AddressSpace& space, const InodePtr& file, const loader::PageRange& range,
                       const std::vector<loader::Segment>& segments) {
  switch (range.source) {
    case loader::PageSource::file:
      co_return co_await map_file(kernel, space, file, range);
    case loader::PageSource::filled:
      co_return co_await fill(kernel, space, file, range, segments);
    case loader::PageSource::zero:
      break;
  }
  co_return map_anonymous(space, range, protection(range));
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
  const uint64_t refused = kernel.memory().commit_statistics().refused;
  for (const loader::PageRange& range : loader::plan_pages(image.segments, space.page())) {
    const Result<> mapped = co_await map_pages(kernel, space, file, range, image.segments);
    if (!mapped.ok()) {
      const bool promised_out = kernel.memory().commit_statistics().refused != refused;
      LoadFailure failure{.error = mapped.error().value,
                          .what = promised_out ? kCommitLimitReached : "its segments cannot be mapped"};
      co_return failure;
    }
  }
  co_return LoadFailure{};
}

}  // namespace faultline::os
