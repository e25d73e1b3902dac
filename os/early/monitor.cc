#include "os/early/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "os/early/image_loader.h"
#include "os/files/directory.h"
#include "os/files/vfs.h"

namespace faultline::os::early {

namespace {

constexpr size_t kMostPrograms = 1000;
constexpr int32_t kNobody = 1;  // takes orphans, and is no program
constexpr int kInterruptedStatus = 130;
constexpr uint64_t kBufferFrames = 4;  // of the resident part, at its end
constexpr uint64_t kSystemCallBytes = 4;

// Linux, asm-generic/signal.h.
constexpr int kSigill = 4;
constexpr int kSigtrap = 5;
constexpr int kSigbus = 7;
constexpr int kSigkill = 9;
constexpr int kSigsegv = 11;

int signal_of(hw::Trap::Cause cause) {
  switch (cause) {
    case hw::Trap::Cause::illegal_instruction:
      return kSigill;
    case hw::Trap::Cause::ebreak:
      return kSigtrap;
    case hw::Trap::Cause::misaligned:
    case hw::Trap::Cause::access_fault:
      return kSigbus;
    default:
      return kSigsegv;
  }
}

std::string base_name(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

uint64_t buffer_frames(const OsConfig& config, PageSize page) {
  return std::min(kBufferFrames, page.pages(config.early.resident));
}

}  // namespace

Monitor::Monitor(Parts parts)
    : parts_(std::move(parts)),
      files_(parts_.cpu, parts_.disk, parts_.config.costs,
             Pfn(parts_.cpu.memory().page().pages(parts_.config.early.resident) -
                 buffer_frames(parts_.config, parts_.cpu.memory().page())),
             buffer_frames(parts_.config, parts_.cpu.memory().page())),
      store_(parts_.cpu, parts_.disk.sectors(), parts_.registers, files_, parts_.config, statistics_) {}

Monitor::~Monitor() = default;

// --- programs --------------------------------------------------------------------

Result<InodePtr> Monitor::find_executable(std::string_view path) const {
  const std::shared_ptr<FsContext> context = parts_.vfs.initial_context();
  Result<InodePtr> found = parts_.vfs.find(context->current, path, Vfs::Last::follow);
  if (!found) return found;
  const Inode& inode = **found;
  if (!inode.is(InodeType::regular) || inode.mapping() != Inode::Mapping::file) return Errno{EACCES};
  if (const Result<> allowed = parts_.vfs.check_access(inode, 1); !allowed) return allowed.error();
  return found;
}

std::string Monitor::no_room_for(const Image& image) const {
  const uint64_t wanted = image.pages << store_.page().shift;
  const OsConfig& config = parts_.config;
  if (config.early.swapping && wanted > config.swap.size) {
    return fmt::format("it takes {} bytes of swap, stack included, and swap.size = {}", wanted, config.swap.size);
  }
  return fmt::format("it takes {} bytes of memory, stack included, and of {} beyond the OS layer's {} are free", wanted,
                     store_.memory_bytes() - config.early.resident, store_.layout().free_bytes);
}

Monitor::Loaded Monitor::load(const std::string& path, const std::vector<std::string>& arguments,
                              const std::vector<std::string>& environment, int32_t parent) {
  if (programs_.size() >= kMostPrograms) return {.program = nullptr, .error = EAGAIN, .what = "too many programs"};
  const AccountScope scope(cpu(), CycleAccount::exec);
  cpu().charge(Cycles(costs().exec));
  Result<InodePtr> file = find_executable(path);
  if (!file)
    return {.program = nullptr, .error = file.error().value, .what = "there is no such program, or it may not be run"};
  const ProgramFile read = read_program_file(files_, *file, store_);
  if (read.error) return {.program = nullptr, .error = read.error, .what = read.what};

  auto made = std::make_unique<Program>();
  made->pid = next_pid_++;
  made->parent = parent;
  made->name = base_name(path);
  made->image = image_for(read.program, store_, parts_.config.early.stack);
  made->hart.pc = read.program.entry.value;
  Program& program = *made;
  if (const Result<> created = store_.create(program.image); !created) {
    return {.program = nullptr, .error = created.error().value, .what = no_room_for(program.image)};
  }
  const Result<> filled = fill(program, *file, read.program, arguments, environment);
  if (!filled) {
    store_.release(program.image);
    return {.program = nullptr,
            .error = filled.error().value,
            .what = "its file cannot be read, or its arguments are too long"};
  }
  ++statistics_.programs;
  programs_.emplace(program.pid, std::move(made));
  return {.program = &program, .error = 0, .what = {}};
}

Result<> Monitor::fill(Program& program, const InodePtr& file, const loader::ProgramImage& image,
                       const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  const Result<> read = read_segments(files_, file, image, store_, program.image);
  if (!read) return read;
  Result<uint64_t> stack = build_stack(cpu(), store_, program.image, parts_.config.early.stack, arguments, environment);
  if (!stack) return stack.error();
  program.hart.x[2] = *stack;  // sp
  program.usage.peak_resident_pages = program.image.pages;
  return Unit{};
}

void Monitor::record(const Program& program) {
  records_.push_back({.pid = program.pid,
                      .command = program.name,
                      .exit = program.exit,
                      .ended = program.state == Program::State::zombie,
                      .usage = program.usage});
}

void Monitor::take_pictures() {
  layout_at_exit_ = store_.layout();
  const uint64_t total = cpu().memory().frames();
  frames_at_exit_ = {.total = total,
                     .free = total - store_.first_frame().value - store_.resident_pages(),
                     .anonymous = store_.resident_pages(),
                     .kernel = store_.first_frame().value};
  frames_at_exit_.peak = store_.first_frame().value + (statistics_.peak_bytes >> store_.page().shift);
}

std::vector<Program*> Monitor::children_of(int32_t pid) {
  std::vector<Program*> children;
  for (const auto& [number, program] : programs_) {
    if (program->parent == pid) children.push_back(program.get());
  }
  return children;
}

void Monitor::end(Program& program, ExitStatus status) {
  const AccountScope scope(cpu(), CycleAccount::exec);
  cpu().charge(Cycles(costs().exit));
  if (program.pid == first_pid_) {
    take_pictures();
    outcome_.reason = status.signal ? RunOutcome::Reason::killed : RunOutcome::Reason::exited;
    outcome_.status = status.signal ? 128 + status.signal : status.code;
    outcome_.signal = status.signal;
  }
  program.exit = status;
  program.state = Program::State::zombie;
  store_.release(program.image);
  program.files.clear();
  record(program);
  for (Program* child : children_of(program.pid)) {
    child->parent = kNobody;
    if (child->state == Program::State::zombie) reap(child->pid);
  }
  const auto parent = programs_.find(program.parent);
  if (parent == programs_.end() || parent->second->state == Program::State::zombie) {
    reap(program.pid);
  } else if (parent->second->state == Program::State::waiting) {
    parent->second->state = Program::State::ready;
  }
}

void Monitor::reap(int32_t pid) { programs_.erase(pid); }

// --- running ---------------------------------------------------------------------

RunOutcome Monitor::run(const RunRequest& request) {
  const Loaded first = load(request.program, request.arguments, request.environment, kNobody);
  if (first.program == nullptr) {
    outcome_.reason = RunOutcome::Reason::not_started;
    outcome_.message =
        fmt::format("{}: {}", request.arguments.empty() ? request.program : request.arguments[0], first.what);
    return outcome_;
  }
  first_pid_ = first.program->pid;
  while (!programs_.empty()) {
    if (parts_.stop && parts_.stop->load(std::memory_order_relaxed)) {
      outcome_.reason = RunOutcome::Reason::interrupted;
      outcome_.status = kInterruptedStatus;
      break;
    }
    if (cpu().now() >= cpu().end_of_time()) {
      outcome_.reason = RunOutcome::Reason::time_over;
      outcome_.message = fmt::format("the simulated clock ends here, after {} seconds, and the guest still runs",
                                     cpu().end_of_time().value / cpu().clock_hz());
      break;
    }
    Program* const program = next_ready();
    // Whoever waits has a child, and the last of the line waits for nobody.
    if (program == nullptr) {
      outcome_.reason = RunOutcome::Reason::deadlock;
      outcome_.message = "deadlock: every program waits for another";
      break;
    }
    run_slice(*program);
  }
  if (!programs_.empty() && frames_at_exit_.total == 0) take_pictures();
  for (const auto& [pid, program] : programs_) {
    if (program->state != Program::State::zombie) record(*program);
  }
  std::sort(records_.begin(), records_.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return outcome_;
}

// The one behind the one that ran last, in order of pid.
Program* Monitor::next_ready() {
  const auto after = programs_.upper_bound(last_run_);
  for (auto it = after; it != programs_.end(); ++it) {
    if (it->second->state == Program::State::ready) return it->second.get();
  }
  for (auto it = programs_.begin(); it != after; ++it) {
    if (it->second->state == Program::State::ready) return it->second.get();
  }
  return nullptr;
}

void Monitor::run_slice(Program& program) {
  if (last_run_ != 0 && last_run_ != program.pid) {
    const AccountScope scope(cpu(), CycleAccount::context_switch);
    cpu().charge(Cycles(costs().context_switch));
    ++switches_;
  }
  last_run_ = program.pid;
  program.image.last_run = ++turns_;
  if (const Result<> here = store_.bring_in(program.image); !here) {
    parts_.say(fmt::format("{} (pid {}) cannot be brought back into memory: killed", program.name, program.pid));
    return end(program, {.code = 0, .signal = kSigkill});
  }
  cpu().enter_process(program.pid);
  slice_end_ = cpu().now() + Cycles(std::max<uint64_t>(1, cpu().clock_hz() / parts_.config.timer_hz));
  for (bool on = true; on;) {
    store_.load_registers(program.image);
    const uint64_t before = cpu().instructions();
    const Cycles began = cpu().now();
    const hw::Trap trap = cpu().run_user(program.hart, slice_end_);
    program.usage.instructions += cpu().instructions() - before;
    program.usage.user_cycles += cpu().now().value - began.value;
    on = handle(program, trap);
  }
}

bool Monitor::handle(Program& program, const hw::Trap& trap) {
  if (trap.cause == hw::Trap::Cause::budget) {
    cpu().deliver_interrupts();
    if (parts_.stop && parts_.stop->load(std::memory_order_relaxed)) return false;
    if (cpu().now() < slice_end_) return true;
    const AccountScope scope(cpu(), CycleAccount::interrupt);
    cpu().charge(Cycles(costs().interrupt));
    return false;
  }
  const bool call = trap.cause == hw::Trap::Cause::ecall;
  const AccountScope scope(cpu(), call ? CycleAccount::syscall : CycleAccount::signal);
  cpu().charge(Cycles(costs().trap_entry));
  if (!call) {
    die(program, signal_of(trap.cause), trap);
    return false;
  }
  if (!system_call(program)) return false;
  cpu().charge(Cycles(costs().trap_return));
  return cpu().now() < slice_end_;
}

uint32_t Monitor::instruction_at(const Program& program, uint64_t pc) {
  const auto half = [&](uint64_t address) -> uint32_t {
    const std::optional<PhysAddr> at = store_.user_range(program.image, address, 2);
    return at ? cpu().memory().load<uint16_t>(*at) : 0;
  };
  const uint32_t low = half(pc);
  return (low & 3) != 3 ? low : low | half(pc + 2) << 16;
}

void Monitor::die(Program& program, int signal, const hw::Trap& trap) {
  if (program.pid == first_pid_) {
    const bool no_address = trap.cause == hw::Trap::Cause::illegal_instruction || trap.cause == hw::Trap::Cause::ebreak;
    outcome_.crash = CrashReport{.pid = program.pid,
                                 .command = program.name,
                                 .signal = signal,
                                 .pc = program.hart.pc,
                                 .address = no_address ? program.hart.pc : trap.address.value,
                                 .instruction = instruction_at(program, program.hart.pc)};
  }
  end(program, {.code = 0, .signal = signal});
}

bool Monitor::system_call(Program& program) {
  const uint64_t number = program.hart.x[17];
  const Handler handler = handler_of(number);
  count_call(number, handler != nullptr);
  cpu().charge(Cycles(costs().syscall));
  Registers arguments{};
  std::copy_n(&program.hart.x[10], arguments.size(), arguments.begin());
  yielded_ = false;
  const Answer answer = handler == nullptr ? Answer{.value = -ENOSYS} : (this->*handler)(program, arguments);
  if (answer.kind == Answer::Kind::gone) return false;
  if (answer.kind == Answer::Kind::again) {
    program.state = Program::State::waiting;
    return false;
  }
  program.hart.x[10] = static_cast<uint64_t>(answer.value);
  program.hart.pc += kSystemCallBytes;
  // A new program may have taken this one's place.
  return !yielded_ && program.image.resident;
}

}  // namespace faultline::os::early
