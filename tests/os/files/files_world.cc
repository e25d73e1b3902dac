#include "files_world.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "os/files/directory.h"
#include "os/memory/mman.h"

namespace faultline::os::test {

// --- the host ---------------------------------------------------------------------

HostDirectory::HostDirectory() {
  std::string pattern = std::filesystem::temp_directory_path() / "faultline-files-XXXXXX";
  path_ = std::filesystem::canonical(::mkdtemp(pattern.data()));
}

HostDirectory::~HostDirectory() { std::filesystem::remove_all(path_); }

void HostDirectory::write(std::string_view name, std::string_view text, unsigned mode) const {
  std::ofstream(at(name), std::ios::binary) << text;
  ::chmod(at(name).c_str(), mode);
}

void HostDirectory::make_directory(std::string_view name) const { std::filesystem::create_directories(at(name)); }

void HostDirectory::link(std::string_view target, std::string_view name) const {
  std::filesystem::create_symlink(target, at(name));
}

std::string HostDirectory::read(std::string_view name) const {
  std::ifstream file(at(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool HostDirectory::exists(std::string_view name) const {
  return std::filesystem::symlink_status(at(name)).type() != std::filesystem::file_type::not_found;
}

// --- the machine ------------------------------------------------------------------------

uint64_t CountingCpu::load(PhysAddr address, unsigned bytes) {
  uint64_t value = 0;
  std::memcpy(&value, memory_.at(address), bytes);
  return value;
}

void CountingCpu::store(PhysAddr address, unsigned bytes, uint64_t value) {
  std::memcpy(memory_.at(address), &value, bytes);
}

void CountingCpu::zero_frame(Pfn frame) {
  std::memset(memory_.at(memory_.page().address(frame)), 0, memory_.page().bytes());
}

void CountingCpu::copy_frame(Pfn to, Pfn from) {
  const PageSize page = memory_.page();
  std::memcpy(memory_.at(page.address(to)), memory_.at(page.address(from)), page.bytes());
}

void CountingCpu::deliver_interrupts() {
  if (requests_.empty()) return;
  BlockRequest request = std::move(requests_.front());
  requests_.pop_front();
  const PageSize page = memory_.page();
  hw::TransferOutcome outcome;
  for (size_t i = 0; i < request.frames.size(); ++i) {
    const uint64_t sector = request.sector + i * (page.bytes() / 512);
    std::span<uint8_t> bytes(memory_.at(page.address(request.frames[i])), page.bytes());
    if (!(request.write ? storage_.write(sector, bytes) : storage_.read(sector, bytes))) outcome.fail(i);
    ++(request.write ? writes : reads);
  }
  request.done(outcome);
}

void LoopExecutor::start(Strand& strand, const std::function<void()>& body) {
  Strand* before = std::exchange(current_, &strand);
  body();
  current_ = before;
}

bool LoopExecutor::step() {
  if (runnable_.empty()) return false;
  Strand* strand = runnable_.front();
  runnable_.pop_front();
  Strand* before = std::exchange(current_, strand);
  strand->resume_point.resume();
  current_ = before;
  return true;
}

Co<Wake> NeverInterrupted::sleep(WaitQueue& queue) {
  if (interrupt_next) co_return Wake::interrupted;
  auto wake = co_await queue.sleep();
  co_return wake;
}

// --- the world -----------------------------------------------------------------------------

OsConfig FilesWorld::small_config() {
  OsConfig config;
  config.swap.size = 4 << 20;
  return config;
}

FilesWorld::FilesWorld(uint64_t memory_bytes, uint64_t disk_bytes)
    : config(small_config()),
      format(*hw::find_page_table_format("sv39")),
      disk(config.swap.size, disk_bytes, format.page()),
      cpu(memory_bytes, format.page(), disk, disk_bytes),
      memory(cpu, cpu, executor, format, config),
      vfs({cpu, executor, memory.page_cache(), disk, config}) {
  auto made = memory.create_address_space();
  space = std::move(made.value());
  user = std::make_unique<UserMemory>(memory.user_memory(*space));
  MapRequest request;
  request.hint = VirtAddr(0x10000000);
  request.length = kBufferBytes;
  request.protection = kProtRead | kProtWrite;
  request.flags = kMapPrivate | kMapAnonymous | kMapFixed;
  buffer = space->map(request).value();
}

FilesWorld::~FilesWorld() {
  context.reset();
  user.reset();
  settle();
  space.reset();
}

std::optional<std::string> FilesWorld::build(const NamespaceConfig& given) {
  auto wrong = vfs.build(given);
  if (!wrong) context = vfs.initial_context();
  return wrong;
}

void FilesWorld::build_in(const HostDirectory& host, std::vector<Bind> binds) {
  ASSERT_EQ(::chdir(host.path().c_str()), 0);
  NamespaceConfig given;
  given.binds = std::move(binds);
  const auto wrong = build(given);
  ASSERT_FALSE(wrong.has_value()) << *wrong;
}

void FilesWorld::go_on() {
  if (executor.step()) return;
  ASSERT_TRUE(cpu.disk_busy()) << "everybody sleeps for ever";
  cpu.deliver_interrupts();
}

void FilesWorld::settle() {
  while (executor.step() || cpu.disk_busy()) {
    if (cpu.disk_busy()) cpu.deliver_interrupts();
  }
}

Result<OpenFilePtr> FilesWorld::open(std::string_view path, uint32_t flags, uint32_t permissions) {
  return run<Result<OpenFilePtr>>([&] { return vfs.open(here(), path, flags, permissions, sleeper); });
}

Result<uint64_t> FilesWorld::read_at(const OpenFilePtr& file, uint64_t offset, VirtAddr to, uint64_t bytes) {
  IoContext context_now = io();
  return run<Result<uint64_t>>([&] { return file->inode().read(context_now, *file, offset, to, bytes); });
}

Result<uint64_t> FilesWorld::write_at(const OpenFilePtr& file, uint64_t offset, VirtAddr from, uint64_t bytes) {
  IoContext context_now = io();
  return run<Result<uint64_t>>([&] { return file->inode().write(context_now, *file, offset, from, bytes); });
}

Result<> FilesWorld::truncate(const OpenFilePtr& file, uint64_t size) {
  IoContext context_now = io();
  return run<Result<>>([&] { return file->inode().truncate(context_now, size); });
}

std::string FilesWorld::contents(std::string_view path) {
  Result<OpenFilePtr> file = open(path);
  if (!file) return "<errno " + std::to_string(file.error().value) + ">";
  std::string text;
  for (;;) {
    Result<uint64_t> got = read_at(*file, text.size(), buffer, kBufferBytes);
    if (!got) return "<errno " + std::to_string(got.error().value) + ">";
    if (*got == 0) return text;
    text += get(buffer, *got);
  }
}

Result<> FilesWorld::write_file(std::string_view path, std::string_view text, uint32_t flags) {
  Result<OpenFilePtr> file = open(path, kOpenWriteOnly | flags);
  if (!file) return file.error();
  put(buffer, text);
  Result<uint64_t> wrote = write_at(*file, 0, buffer, text.size());
  if (!wrote) return wrote.error();
  return Unit{};
}

std::vector<std::string> FilesWorld::list(std::string_view path) {
  Result<InodePtr> inode = vfs.find(here(), path, Vfs::Last::follow);
  if (!inode) return {"<errno " + std::to_string(inode.error().value) + ">"};
  DirectoryPtr directory = as_directory(*inode);
  if (!directory) return {"<no directory>"};
  Result<std::vector<Directory::Entry>> entries = directory->list();
  std::vector<std::string> names;
  if (!entries) return {"<errno " + std::to_string(entries.error().value) + ">"};
  for (const auto& entry : *entries) names.push_back(entry.name);
  return names;
}

int FilesWorld::error_of(std::string_view path) {
  Result<OpenFilePtr> file = open(path);
  return file ? 0 : file.error().value;
}

void FilesWorld::put(VirtAddr to, std::string_view text) {
  const auto bytes = std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  const bool ok = run<Result<>>([&] { return user->write(to, bytes); }).ok();
  ASSERT_TRUE(ok);
}

std::string FilesWorld::get(VirtAddr from, uint64_t bytes) {
  std::string text(bytes, '\0');
  const auto to = std::span<uint8_t>(reinterpret_cast<uint8_t*>(text.data()), text.size());
  return run<Result<>>([&] { return user->read(from, to); }).ok() ? text : "<fault>";
}

}  // namespace faultline::os::test
