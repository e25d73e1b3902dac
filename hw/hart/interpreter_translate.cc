// The interpreter's side of translation into host code.
#include <utility>

#include "hw/hart/dispatch.h"
#include "hw/hart/interpreter.h"
#include "hw/hart/translate/translator.h"

namespace faultline::hw {
namespace {

[[gnu::noinline]] const Op* translate_and_go(Interpreter& in, const Op* op, HartState& s) {
  in.translate(const_cast<Block&>(block_of(op)));
  return go(in, op, s);
}

template <class T, class U>
int32_t distance(const T* from, const U* to) {
  return static_cast<int32_t>(reinterpret_cast<const char*>(to) - reinterpret_cast<const char*>(from));
}

}  // namespace

// The first operation of a block that is not hot yet.
const Op* count_entry(Interpreter& in, const Op* op, HartState& s) {
  auto& block = const_cast<Block&>(block_of(op));
  if (--block.entries_left == 0) [[unlikely]]
    return translate_and_go(in, op, s);
  return block.first(in, op, s);
}

// A block that was dropped may still be running; it has not long to live.
void Interpreter::translate(Block& block) {
  block.ops()->handler = block.first;
  CodePage* page = code.page(PhysAddr(block.address));
  if (page != nullptr && page->at(block.start) == &block) translator_->translate(block, *page);
}

void Interpreter::linked(const Block& block) {
  if (translator_ == nullptr) return;
  CodePage* page = code.page(PhysAddr(block.address));
  if (page != nullptr && page->at(block.start) == &block) Translator::linked(block, *page);
}

TranslationContext Interpreter::translation_context() const {
  return {.layout = {.now = distance(this, &now),
                     .counts = distance(this, &counts),
                     .piece = distance(this, &piece),
                     .deadline = distance(this, &deadline_),
                     .fetch_accesses = distance(this, &window_.fetch_accesses),
                     .code_pages = distance(this, &code_pages)},
          .costs = costs_,
          .handlers = &handlers_,
          .l1i = l1i,
          .l1d = l1d,
          .memory_base = memory_base,
          .data_entries = data_entries,
          .fetch_entries = distance(data_entries, fetch_entries),
          .use_base = distance(data_entries, &use_base)};
}

}  // namespace faultline::hw
