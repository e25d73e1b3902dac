#include "os/process/exec.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "loader/initial_stack.h"
#include "os/files/file_table.h"
#include "os/files/fs_context.h"
#include "os/files/process_facts.h"
#include "os/files/vfs.h"
#include "os/kernel.h"
#include "os/memory/memory_manager.h"
#include "os/memory/user_memory.h"
#include "os/process/address_space_release.h"
#include "os/process/execution.h"
#include "os/process/exit.h"
#include "os/process/program_loader.h"
#include "os/process/signal_trampoline.h"

namespace faultline::os {

namespace {

constexpr int kProtectionAll = 7;                 // PROT_READ | PROT_WRITE | PROT_EXEC
constexpr uint64_t kLowestUserAddress = 0x10000;  // vm.mmap_min_addr
constexpr size_t kCommandBytes = 15;              // TASK_COMM_LEN without the zero
constexpr unsigned kStackPointer = 2;

// What exec has made so far; dropped as a whole when something fails.
struct NewProgram {
  InodePtr file;
  loader::ProgramImage image;
  std::shared_ptr<AddressSpace> space;
  uint64_t interpreter_base = 0;
  VirtAddr entry;
  VirtAddr stack_pointer;
  std::shared_ptr<ProgramFacts> facts = std::make_shared<ProgramFacts>();
};

ExecFailure failure(int error, std::string what) { return {.error = error, .what = std::move(what)}; }

loader::AddressLimits limits_of(const AddressSpace& space) {
  const PageSize page = space.page();
  return {.page = page,
          .user_begin = VirtAddr(page.round_up(kLowestUserAddress)),
          .user_end = VirtAddr(page.round_down(space.user_end().value))};
}

// Right above the stack lies the page that signal handlers return through.
VirtAddr stack_top(const AddressSpace& space) { return signal_trampoline_place(space); }

// Two thirds up, as ELF_ET_DYN_BASE; always the same place.
uint64_t program_bias(const loader::ProgramImage& image, const loader::AddressLimits& limits) {
  if (image.kind == loader::ProgramKind::fixed) return 0;
  const uint64_t alignment = std::max(image.alignment, limits.page.bytes());
  return limits.user_end.value / 3 * 2 / alignment * alignment;
}

// The interpreter lies a quarter of the way between the program's base and the
// stack, clear of both a growing heap and mmap.
uint64_t interpreter_bias(const loader::ProgramImage& image, const loader::AddressLimits& limits) {
  if (image.kind == loader::ProgramKind::fixed) return 0;
  const uint64_t alignment = std::max(image.alignment, limits.page.bytes());
  return limits.user_end.value / 4 * 3 / alignment * alignment;
}

Co<Result<std::shared_ptr<AddressSpace>>> new_space(Kernel& kernel) {
  using Answer = Result<std::shared_ptr<AddressSpace>>;
  for (;;) {
    Reply<std::unique_ptr<AddressSpace>> reply = kernel.memory().create_address_space();
    if (reply.failed()) co_return Answer(reply.error());
    if (reply.ok()) co_return Answer(std::shared_ptr<AddressSpace>(std::move(*reply)));
    co_await reply.queue().sleep();
  }
}

Co<ExecFailure> open_program(Kernel& kernel, Process& process, const std::string& path, InodePtr& file) {
  Result<InodePtr> opened = co_await kernel.vfs().open_executable(process.fs->current, path, false);
  if (!opened.ok()) co_return failure(opened.error().value, path + ": " + std::strerror(opened.error().value));
  file = *opened;
  co_return ExecFailure{};
}

// As the caller of execveat(2) named it.
Co<ExecFailure> open_first(Kernel& kernel, Process& process, const ExecRequest& request, InodePtr& file) {
  const std::string& path = request.path;
  if (request.file) {
    file = request.file;
    const Result<> checked = co_await kernel.vfs().check_executable(file);
    if (!checked.ok()) co_return failure(checked.error().value, request.name + ": cannot be run");
    co_return ExecFailure{};
  }
  const DirectoryPtr start = request.start ? request.start : process.fs->current;
  Result<InodePtr> opened = co_await kernel.vfs().open_executable(start, path, request.keeps_link);
  if (!opened.ok()) co_return failure(opened.error().value, path + ": " + std::strerror(opened.error().value));
  file = *opened;
  co_return ExecFailure{};
}

Co<ExecFailure> load_interpreter(Kernel& kernel, Process& process, NewProgram& made) {
  const std::string path = made.image.interpreter_path;
  InodePtr file;
  ExecFailure opened = co_await open_program(kernel, process, path, file);
  if (opened.error) co_return opened;
  const loader::AddressLimits limits = limits_of(*made.space);
  ParsedProgram parsed = co_await read_program(kernel, *file, limits);
  // Linux, load_elf_binary: what is no ELF file is ELIBBAD, what cannot be read EIO.
  const int error = parsed.failure.error == EIO ? EIO : ELIBBAD;
  if (parsed.failure.error) co_return failure(error, path + ": " + parsed.failure.what);
  made.interpreter_base = interpreter_bias(parsed.image, limits);
  auto placed = parsed.image.placed_at(made.interpreter_base, limits);
  if (!placed.ok()) co_return failure(placed.error().error_number(), path + ": " + placed.error().what);
  const LoadFailure mapped = co_await map_program(kernel, *made.space, file, *placed);
  if (mapped.error) co_return failure(mapped.error, path + ": " + mapped.what);
  made.entry = placed->entry;
  co_return ExecFailure{};
}

Co<ExecFailure> load_segments(Kernel& kernel, Process& process, const std::string& path, NewProgram& made) {
  const loader::AddressLimits limits = limits_of(*made.space);
  ParsedProgram parsed = co_await read_program(kernel, *made.file, limits);
  if (parsed.failure.error) co_return failure(parsed.failure.error, path + ": " + parsed.failure.what);
  auto placed = parsed.image.placed_at(program_bias(parsed.image, limits), limits);
  if (!placed.ok()) co_return failure(placed.error().error_number(), path + ": " + placed.error().what);
  made.image = std::move(*placed);
  made.entry = made.image.entry;
  const LoadFailure mapped = co_await map_program(kernel, *made.space, made.file, made.image);
  if (mapped.error) co_return failure(mapped.error, path + ": " + mapped.what);
  made.space->set_brk_start(VirtAddr(limits.page.round_up(made.image.end().value)));
  if (made.image.interpreter_path.empty()) co_return ExecFailure{};
  ExecFailure interpreter = co_await load_interpreter(kernel, process, made);
  co_return interpreter;
}

std::array<uint8_t, 16> random_bytes(Kernel& kernel) {
  const std::array<uint64_t, 2> words = {kernel.random(), kernel.random()};
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

// The vector behind the two lists of pointers, up to and with AT_NULL.
std::string auxiliary_vector(const loader::InitialStack& stack) {
  const auto word = [&stack](size_t index) {
    uint64_t value = 0;
    if ((index + 1) * sizeof value <= stack.bytes.size()) {
      std::memcpy(&value, stack.bytes.data() + index * sizeof value, sizeof value);
    }
    return value;
  };
  size_t first = 1 + word(0) + 1;  // argc, argv and its null pointer
  while (word(first) != 0) ++first;
  size_t end = ++first;
  while (word(end) != 0) end += 2;
  end += 2;
  const char* bytes = reinterpret_cast<const char*>(stack.bytes.data());
  return {bytes + first * sizeof(uint64_t), bytes + std::min(end * sizeof(uint64_t), stack.bytes.size())};
}

// As Linux's ELF loader keeps them (struct mm_struct).
void note_facts(const loader::InitialStack& stack, const ExecRequest& request, NewProgram& made) {
  ProgramFacts& facts = *made.facts;
  for (const std::string& variable : request.environment) facts.environment.append(variable).push_back('\0');
  facts.auxiliary = auxiliary_vector(stack);
  facts.stack_pointer = stack.stack_pointer.value;
  facts.arguments_begin = stack.arguments_begin.value;
  facts.arguments_end = stack.arguments_end.value;
  facts.environment_begin = stack.environment_begin.value;
  facts.environment_end = stack.environment_end.value;
  facts.code_begin = ~uint64_t{0};
  for (const loader::Segment& segment : made.image.segments) {
    const uint64_t file_end = segment.address.value + segment.file_bytes;
    if (segment.execute) {
      facts.code_begin = std::min(facts.code_begin, segment.address.value);
      facts.code_end = std::max(facts.code_end, file_end);
    }
    facts.data_begin = std::max(facts.data_begin, segment.address.value);
    facts.data_end = std::max(facts.data_end, file_end);
  }
}

Co<ExecFailure> make_stack(Kernel& kernel, Process& process, const ExecRequest& request, NewProgram& made) {
  const uint64_t limit = process.limits[kLimitStack].current;
  const VirtAddr top = stack_top(*made.space);
  const uint64_t refused = kernel.memory().commit_statistics().refused;
  const Result<> mapped = made.space->map_stack(top, limit);
  if (!mapped.ok()) {
    const bool promised_out = kernel.memory().commit_statistics().refused != refused;
    co_return failure(mapped.error().value,
                      request.path + ": " + (promised_out ? kCommitLimitReached : "no room for its stack"));
  }
  if (made.image.executable_stack) {
    const uint64_t page = made.space->page().bytes();
    const Result<> executable = made.space->protect(VirtAddr(top.value - page), page, kProtectionAll);
    if (!executable.ok()) co_return failure(executable.error().value, request.path + ": no executable stack");
  }
  loader::StackRequest wanted{.arguments = request.arguments,
                              .environment = request.environment,
                              .path = request.name.empty() ? request.path : request.name,
                              .page = made.space->page(),
                              .interpreter_base = made.interpreter_base,
                              .uid = process.uid,
                              .euid = process.uid,
                              .gid = process.gid,
                              .egid = process.gid,
                              .random = random_bytes(kernel)};
  const auto stack = loader::build_initial_stack(wanted, made.image, top, limit);
  if (!stack.ok()) co_return failure(stack.error().error_number(), request.path + ": " + stack.error().what);
  UserMemory user = kernel.memory().user_memory(*made.space);
  const Result<> written = co_await user.write(stack->stack_pointer, stack->bytes);
  if (!written.ok()) co_return failure(ENOMEM, request.path + ": no memory for its stack");
  made.stack_pointer = stack->stack_pointer;
  note_facts(*stack, request, made);
  co_return ExecFailure{};
}

std::string last_component(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

// From here on the process is the new program. What execve(2) lists as kept is
// left alone.
void commit(Kernel& kernel, Task& task, const ExecRequest& request, NewProgram& made) {
  Process& process = task.process();
  process.files = process.files->duplicate();  // it may be shared since clone
  process.files->exec();
  release_space(kernel, process);
  process.space = std::move(made.space);
  process.actions = std::make_shared<SignalActions>(*process.actions);
  process.actions->reset_for_exec();
  process.settings.keep_capabilities = false;
  process.execution = std::make_shared<Execution>(made.file);
  process.executable = made.file->name();
  process.command = last_component(request.name.empty() ? request.path : request.name).substr(0, kCommandBytes);
  process.arguments = request.arguments;
  process.program = std::move(made.facts);
  process.has_execed = true;
  delete_all_timers(process);

  task.state = hw::HartState{};
  task.state.pc = made.entry.value;
  task.state.x[kStackPointer] = made.stack_pointer.value;
  task.alternate_stack = {};
  task.name.clear();
}

// --- scripts ----------------------------------------------------------------------

constexpr size_t kScriptLine = 256;  // BINPRM_BUF_SIZE
constexpr int kScriptDepth = 6;      // files: an interpreter may be a script five times in a row

struct ScriptLine {
  std::string interpreter;
  std::string argument;  // empty: none
};

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<ScriptLine> parse_script(std::string_view head) {
  if (!head.starts_with("#!")) return std::nullopt;
  const size_t end = head.find('\n');
  const std::string_view line = trim(head.substr(2, end - 2));
  if (line.empty()) return std::nullopt;
  const size_t gap = line.find_first_of(" \t");
  // A name that is cut off is not to be run (Linux, load_script).
  const bool cut = end == std::string_view::npos && head.size() == kScriptLine;
  if (cut && gap == std::string_view::npos) return std::nullopt;
  ScriptLine script{.interpreter = std::string(line.substr(0, gap)), .argument = {}};
  if (gap != std::string_view::npos) script.argument = std::string(trim(line.substr(gap)));
  return script;
}

// Opens the file, or, as often as it is a script, its interpreter; the
// arguments change as execve(2) says.
Co<ExecFailure> find_program(Kernel& kernel, Process& process, ExecRequest& request, NewProgram& made) {
  for (int depth = 0; depth < kScriptDepth; ++depth) {
    ExecFailure opened;
    if (depth == 0) {
      opened = co_await open_first(kernel, process, request, made.file);
    } else {
      opened = co_await open_program(kernel, process, request.path, made.file);
    }
    if (opened.error) co_return opened;
    std::array<uint8_t, kScriptLine> head{};
    const Result<size_t> got = co_await kernel.vfs().read_inode(*made.file, 0, head);
    if (!got.ok()) co_return failure(got.error().value, request.path + ": the file cannot be read");
    const auto script = parse_script({reinterpret_cast<const char*>(head.data()), got.value()});
    if (!script) co_return ExecFailure{};
    if (depth == 0 && request.closes) co_return failure(ENOENT, request.name + ": closes before it can be read");
    std::vector<std::string> arguments = {script->interpreter};
    if (!script->argument.empty()) arguments.push_back(script->argument);
    arguments.push_back(depth == 0 && !request.name.empty() ? request.name : request.path);
    if (!request.arguments.empty()) {
      arguments.insert(arguments.end(), request.arguments.begin() + 1, request.arguments.end());
    }
    request.arguments = std::move(arguments);
    request.path = script->interpreter;
  }
  co_return failure(ELOOP, request.path + ": scripts that are run by scripts, too deep");
}

}  // namespace

Co<ExecFailure> exec_program(Kernel& kernel, Task& task, ExecRequest& request) {
  AccountScope account(kernel.cpu(), CycleAccount::exec);
  kernel.cpu().charge(Cycles(kernel.costs().exec));
  Process& process = task.process();
  NewProgram made;
  ExecFailure failed = co_await find_program(kernel, process, request, made);
  if (failed.error) co_return failed;
  Result<std::shared_ptr<AddressSpace>> space = co_await new_space(kernel);
  if (!space.ok()) co_return failure(space.error().value, request.path + ": no memory for a page table");
  made.space = std::move(*space);
  failed = co_await load_segments(kernel, process, request.path, made);
  if (!failed.error) failed = co_await make_stack(kernel, process, request, made);
  process.collect_faults(*made.space);
  if (failed.error) co_return failed;
  const bool alone = co_await end_other_tasks(kernel, task);
  if (!alone) co_return failure(EINTR, request.path + ": its process ends");
  co_await leave_memory(kernel, task);
  commit(kernel, task, request, made);
  co_return ExecFailure{};
}

}  // namespace faultline::os
