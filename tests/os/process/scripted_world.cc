#include "scripted_world.h"

#include <unistd.h>

#include <cstring>

#include "hw/mmu/page_table_format.h"

namespace faultline::os {

namespace {

constexpr uint64_t kDiskBytes = uint64_t{1} << 30;

std::filesystem::path make_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "faultline-XXXXXX").string();
  return mkdtemp(name.data());
}

// The least ELF file that asks for one segment of read, write and execute.
std::vector<uint8_t> make_elf(uint64_t base) {
  std::vector<uint8_t> file(120);
  const auto put = [&file](size_t offset, uint64_t value, size_t bytes) {
    std::memcpy(file.data() + offset, &value, bytes);
  };
  std::memcpy(file.data(),
              "\x7f"
              "ELF\x02\x01\x01",
              7);
  put(16, 2, 2);    // ET_EXEC
  put(18, 243, 2);  // EM_RISCV
  put(20, 1, 4);
  put(24, base + ScriptedWorld::kEntry, 8);
  put(32, 64, 8);  // program headers
  put(48, 5, 4);   // RVC, double-float ABI
  put(52, 64, 2);
  put(54, 56, 2);
  put(56, 1, 2);
  put(64, 1, 4);  // PT_LOAD
  put(68, 7, 4);
  put(72, 0, 8);
  put(80, base, 8);
  put(88, base, 8);
  put(96, file.size(), 8);
  put(104, ScriptedWorld::kSize, 8);
  put(112, 0x1000, 8);
  return file;
}

}  // namespace

ScriptedWorld::ScriptedWorld(uint64_t memory_bytes, OsConfig given)
    : directory_(make_directory()),
      config_(with_swap(given)),
      disk_(config_.swap.size, kDiskBytes, PageSize{}),
      cpu(memory_bytes),
      scheduler(cpu, config_),
      memory(cpu, cpu, scheduler, *hw::find_page_table_format("x86-64"), config_),
      vfs({cpu, scheduler, memory.page_cache(), disk_, config_}),
      kernel(
          {cpu, scheduler, memory, vfs, config_, [this](std::string_view line) { said.emplace_back(line); }, &stop}) {
  cpu.storage = &disk_;
  cpu.user = [this](State& state, Cycles until) { return user(state, until); };
}

ScriptedWorld::~ScriptedWorld() { std::filesystem::remove_all(directory_); }

void ScriptedWorld::program(const std::string& name, uint64_t base, std::vector<Step> steps) {
  const std::vector<uint8_t> file = make_elf(base);
  const std::filesystem::path path = directory_ / name;
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(file.data()), 120);
  std::filesystem::permissions(path, std::filesystem::perms::all);
  code(base + kEntry, std::move(steps));
}

void ScriptedWorld::code(uint64_t address, std::vector<Step> steps) {
  for (Step& step : steps) {
    steps_[address] = std::move(step);
    address += 4;
  }
}

RunOutcome ScriptedWorld::run(const std::string& name, std::vector<std::string> arguments) {
  NamespaceConfig config;
  config.root = directory_.string();
  config.program = "/" + name;
  config.terminal = terminal;
  const auto wrong = vfs.build(config);
  EXPECT_EQ(wrong.value_or(""), "");
  arguments.insert(arguments.begin(), name);
  return kernel.run({.program = "/" + name, .arguments = arguments, .environment = {"A=1"}});
}

AddressSpace& ScriptedWorld::space() { return *static_cast<Task&>(scheduler.current()).process().space; }

std::optional<hw::Trap> ScriptedWorld::reach(uint64_t address, Access access, uint8_t*& bytes) {
  const AddressSpace::Bytes found = space().user_bytes(VirtAddr(address), access);
  bytes = found.data;
  if (bytes) return std::nullopt;
  return hw::Trap{.cause = hw::Trap::Cause::page_fault, .access = access, .address = VirtAddr(address)};
}

hw::Trap ScriptedWorld::user(State& state, Cycles until) {
  while (cpu.now() < until) {
    cpu.run_for(Cycles(10));
    const auto step = steps_.find(state.pc);
    if (step != steps_.end()) {
      const uint64_t before = state.pc;
      const std::optional<hw::Trap> trap = step->second(state);
      if (trap) return *trap;
      ++cpu.retired;
      if (state.pc == before) state.pc += 4;
      continue;
    }
    // The only real code: li a7, 139; ecall of the way back from a handler.
    uint8_t* bytes = nullptr;
    if (const auto fault = reach(state.pc, Access::fetch, bytes)) return *fault;
    uint32_t word;
    std::memcpy(&word, bytes, sizeof(word));
    if (word == 0x00000073) return {.cause = hw::Trap::Cause::ecall};
    if (word != 0x08b00893) return {.cause = hw::Trap::Cause::illegal_instruction, .instruction = word};
    state.x[kA7] = 139;
    state.pc += 4;
  }
  return {};
}

Step ScriptedWorld::call(uint64_t number, std::vector<Value> arguments) {
  return [number, arguments = std::move(arguments)](State& state) -> std::optional<hw::Trap> {
    std::vector<uint64_t> values;
    for (const Value& value : arguments) values.push_back(value(state));
    for (size_t i = 0; i < values.size(); ++i) state.x[kA0 + i] = values[i];
    state.x[kA7] = number;
    return hw::Trap{.cause = hw::Trap::Cause::ecall};
  };
}

Step ScriptedWorld::set(unsigned index, Value value) {
  return [index, value = std::move(value)](State& state) -> std::optional<hw::Trap> {
    state.x[index] = value(state);
    return std::nullopt;
  };
}

Step ScriptedWorld::jump_if(std::function<bool(const State&)> condition, uint64_t target) {
  return [condition = std::move(condition), target](State& state) -> std::optional<hw::Trap> {
    if (condition(state)) state.pc = target;
    return std::nullopt;
  };
}

Step ScriptedWorld::jump(uint64_t target) {
  return jump_if([](const State&) { return true; }, target);
}

Step ScriptedWorld::store(Value address, Value value) {
  return [this, address = std::move(address), value = std::move(value)](State& state) -> std::optional<hw::Trap> {
    uint8_t* bytes = nullptr;
    const auto fault = reach(address(state), Access::store, bytes);
    if (fault) return fault;
    const uint64_t word = value(state);
    std::memcpy(bytes, &word, sizeof(word));
    return std::nullopt;
  };
}

Step ScriptedWorld::load(unsigned index, Value address) {
  return [this, index, address = std::move(address)](State& state) -> std::optional<hw::Trap> {
    uint8_t* bytes = nullptr;
    const auto fault = reach(address(state), Access::load, bytes);
    if (fault) return fault;
    std::memcpy(&state.x[index], bytes, 8);
    return std::nullopt;
  };
}

Step ScriptedWorld::check(std::function<void(const State&)> look) {
  return [look = std::move(look)](State& state) -> std::optional<hw::Trap> {
    look(state);
    return std::nullopt;
  };
}

void ScriptedWorld::expect_all_given_back() {
  EXPECT_EQ(memory.check_invariants().value_or(""), "");
  EXPECT_EQ(memory.frames().anonymous, 0u);
  EXPECT_EQ(memory.frames().page_tables, 0u);
  EXPECT_EQ(memory.swap().slots_used, 0u);
  EXPECT_EQ(cpu.ledger.total(), cpu.now().value);
}

}  // namespace faultline::os
