// Turns blocks that run often into x86-64 host code, which runs in place of
// their handlers and changes no count and no cycle.
#pragma once

#include <cstdint>
#include <memory>

#include "hw/hart/code_cache.h"
#include "hw/hart/translate/code_memory.h"
#include "hw/hart/translate/translation_context.h"

namespace faultline::hw {

class Translator {
 public:
  // Null where the host is no x86-64, the handlers make no tail calls, or
  // there is no memory for code. `fma` and `blocks` of the context are found out here.
  static std::unique_ptr<Translator> create(const TranslationContext& context);

  // Calls `start` so that it can reach host code.
  const Op* run(Handler start, Interpreter& in, HartState& s) const;

  // Translates `block` of `page`, if there is room.
  void translate(Block& block, CodePage& page);
  // `block` of `page` has been linked to: host code that waits for it may go there.
  static void linked(const Block& block, CodePage& page);

 private:
  using Prologue = const Op* (*)(Interpreter& in, const Op* op, HartState& s, Handler start);

  Translator(const TranslationContext& context, std::shared_ptr<CodeMemory> memory);
  bool write_prologue();
  bool write_line_searches();

  static constexpr size_t kCodeBytes = size_t{64} << 20;

  TranslationContext context_;
  std::shared_ptr<CodeMemory> memory_;
  HostCode own_;
  Prologue prologue_ = nullptr;
};

}  // namespace faultline::hw
