#include "hw/hart/translate/translator.h"

#include "hw/hart/dispatch.h"
#include "hw/hart/translate/assembler.h"
#include "hw/hart/translate/block_translator.h"
#include "hw/hart/translate/line_search.h"

namespace faultline::hw {
namespace {

#if defined(__x86_64__)
constexpr bool kHostIsKnown = true;
bool host_has_fma() { return __builtin_cpu_supports("fma"); }
// Registers that host code uses and that belong to whoever calls it: named, so
// that the compiler saves them before and restores them behind.
inline void use_preserved_registers() { asm volatile("" ::: "rbx", "r12", "r13", "r14", "r15", "memory"); }
#else
constexpr bool kHostIsKnown = false;
bool host_has_fma() { return false; }
inline void use_preserved_registers() {}
#endif

}  // namespace

Translator::Translator(const TranslationContext& context, std::shared_ptr<CodeMemory> memory)
    : context_(context), memory_(std::move(memory)), own_(memory_) {
  context_.fma = host_has_fma();
}

std::unique_ptr<Translator> Translator::create(const TranslationContext& context) {
  if (!kHostIsKnown || !kTailCalls || one_by_one(context.costs.fetch_mode)) return nullptr;
  std::shared_ptr<CodeMemory> memory = CodeMemory::create(kCodeBytes);
  if (memory == nullptr) return nullptr;
  std::unique_ptr<Translator> translator(new Translator(context, std::move(memory)));
  return translator->write_prologue() && translator->write_line_searches() ? std::move(translator) : nullptr;
}

bool Translator::write_prologue() {
  constexpr size_t kMost = 64;
  const uint64_t place = own_.reserve(kMost);
  if (place == 0) return false;
  x86::Assembler out(memory_->writable(place), place, kMost);
  out.move(x86::Reg::rbx, reinterpret_cast<uint64_t>(context_.data_entries));
  if (context_.costs.data_mode == DataMode::cached) {
    out.move(x86::Reg::r13, reinterpret_cast<uint64_t>(context_.l1d.sets));
  }
  out.jump_to(x86::Reg::rcx);
  own_.use(out.size());
  prologue_ = reinterpret_cast<Prologue>(place);
  return true;
}

bool Translator::write_line_searches() {
  if (context_.costs.data_mode != DataMode::cached || !context_.l1d.in_line) return true;
  for (const bool write : {false, true}) {
    const uint64_t place = own_.reserve(kMostLineSearchBytes);
    if (place == 0) return false;
    x86::Assembler out(memory_->writable(place), place, kMostLineSearchBytes);
    write_line_search(out, context_.l1d, write);
    own_.use(out.size());
    context_.find_line[write ? 1 : 0] = place;
  }
  return true;
}

// What the prologue puts into preserved registers is there whenever host code
// runs, since handlers give such registers back before they go on.
[[gnu::noinline]] const Op* Translator::run(Handler start, Interpreter& in, HartState& s) const {
  use_preserved_registers();
  const Op* op = prologue_(in, nullptr, s, start);
  use_preserved_registers();
  return op;
}

void Translator::translate(Block& block, CodePage& page) {
  context_.blocks =
      static_cast<int32_t>(reinterpret_cast<const char*>(page.blocks()) - reinterpret_cast<const char*>(&page));
  HostCode& code = page.host_code(memory_);
  const size_t bytes = BlockTranslator::most_bytes(BlockTranslator::operations(block));
  const uint64_t place = code.reserve(bytes);
  if (place == 0) return;
  x86::Assembler out(memory_->writable(place), place, bytes);
  BlockTranslator translator(context_, block, out, code);
  if (!translator.translate()) return;
  translator.publish();
  code.connect(&block, block.host, block.host_in_line);
}

void Translator::linked(const Block& block, CodePage& page) {
  if (block.host != 0 && page.has_host_code()) page.host_code(nullptr).connect(&block, block.host, block.host_in_line);
}

}  // namespace faultline::hw
