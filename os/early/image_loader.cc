#include "os/early/image_loader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "loader/elf.h"

namespace faultline::os::early {

namespace {

constexpr uint64_t kStackAlignment = 16;  // RISC-V psABI

ProgramFile refused(int error, std::string what) { return {.program = {}, .error = error, .what = std::move(what)}; }

ProgramFile refused(const loader::LoadError& error) { return refused(error.error_number(), error.what); }

}  // namespace

ProgramFile read_program_file(FileReader& files, const InodePtr& file, const ImageStore& store) {
  const PageSize page = store.page();
  const loader::AddressLimits limits{
      .page = page,
      .user_begin = VirtAddr(store.relocates() ? 0 : page.address(store.first_frame()).value),
      .user_end = VirtAddr(store.memory_bytes())};
  const uint64_t size = file->size();
  std::vector<uint8_t> bytes(std::min(size, loader::kElfHeaderBytes));
  if (!files.look(file, 0, bytes)) return refused(EIO, "the file cannot be read");
  const auto header = loader::parse_header(bytes, size);
  if (!header.ok()) return refused(header.error());
  bytes.resize(header->program_headers.bytes);
  if (!files.look(file, header->program_headers.offset, bytes)) return refused(EIO, "the file cannot be read");
  auto image = loader::parse_program(*header, bytes, size, limits);
  if (!image.ok()) return refused(image.error());
  if (image->kind != loader::ProgramKind::fixed || image->interpreter)
    return refused(ENOEXEC, "without paging a program must be linked statically and at a fixed address");
  return {.program = std::move(*image), .error = 0, .what = {}};
}

Image image_for(const loader::ProgramImage& program, const ImageStore& store, uint64_t stack_bytes) {
  const PageSize page = store.page();
  Image image;
  image.begin = store.relocates() ? Vpn(0) : page.vpn(program.begin());
  const uint64_t end = page.round_up(program.end().value) + stack_bytes;
  image.heap_begin = image.heap_end = end;
  image.pages = (end >> page.shift) - image.begin.value;
  return image;
}

Result<> read_segments(FileReader& files, const InodePtr& file, const loader::ProgramImage& program,
                       const ImageStore& store, const Image& image) {
  for (const loader::Segment& segment : program.segments) {
    Result<uint64_t> got =
        files.read(file, segment.file_offset, store.physical(image, segment.address.value), segment.file_bytes);
    if (!got) return got.error();
    if (*got != segment.file_bytes) return Errno{EIO};
  }
  return Unit{};
}

Result<uint64_t> build_stack(Cpu& cpu, const ImageStore& store, const Image& image, uint64_t stack_bytes,
                             const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  const uint64_t top = image.heap_begin;
  uint64_t text = 0;
  for (const auto* list : {&arguments, &environment})
    for (const std::string& string : *list) text += string.size() + 1;
  // argc, two lists with their ends, the two words of AT_NULL.
  const uint64_t words = 1 + arguments.size() + 1 + environment.size() + 1 + 2;
  const uint64_t bytes = (text + words * 8 + kStackAlignment - 1) / kStackAlignment * kStackAlignment;
  if (bytes > stack_bytes / 2) return Errno{E2BIG};

  const uint64_t pointer = top - bytes;
  std::vector<uint8_t> built(bytes);
  uint64_t word = 0;
  uint64_t string_at = top - text;
  const auto put = [&](uint64_t value) { std::memcpy(&built[8 * word++], &value, 8); };
  put(arguments.size());
  for (const auto* list : {&arguments, &environment}) {
    for (const std::string& string : *list) {
      put(string_at);
      std::memcpy(&built[string_at - pointer], string.c_str(), string.size() + 1);
      string_at += string.size() + 1;
    }
    put(0);
  }
  const PageSize page = store.page();
  for (uint64_t done = 0; done < bytes;) {
    const PhysAddr at = store.physical(image, pointer + done);
    const uint64_t piece = std::min(bytes - done, page.bytes() - (at.value & page.mask()));
    std::memcpy(cpu.memory().at(at), &built[done], piece);
    cpu.touch(at, piece, true);
    done += piece;
  }
  return pointer;
}

}  // namespace faultline::os::early
