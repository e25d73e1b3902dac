#include "cli/report/early_report.h"

#include <fmt/format.h>

#include "cli/report/layout.h"

namespace faultline::cli {
namespace {

std::string bytes(uint64_t count) { return bytes_for_people(static_cast<double>(count)); }

void add_registers(const EarlyRun& early, bool relocates, ReportText& text) {
  const hw::RelocationStatistics& r = early.registers;
  text.line("{} compared with a register{}: one access each", counted(r.checks, "reference"),
            relocates ? ", and the base added" : "");
  if (r.below_fence) text.strong("{} below the fence: trapped", counted(r.below_fence, "reference"));
  if (r.beyond_bounds) text.strong("{} beyond the bounds: trapped", counted(r.beyond_bounds, "reference"));
  if (r.beyond_memory) text.strong("{} where there is no memory: trapped", counted(r.beyond_memory, "reference"));
}

void add_images(const EarlyRun& early, ReportText& text) {
  const os::early::Statistics& i = early.images;
  text.line("{}; at most {} in memory at once, of {} together", counted(i.programs, "program"), i.peak_images,
            bytes(i.peak_bytes));
  if (i.moves)
    text.line("{} within memory, {}; {}", counted(i.moves, "move"), bytes(i.bytes_moved),
              counted(i.compactions, "compaction"));
  if (i.fragmented)
    text.line("{} for memory that no hole held, but all together would have", counted(i.fragmented, "request"));
  if (i.refused) text.line("{} for memory refused", counted(i.refused, "request"));
  if (i.swap_outs)
    text.line("{} out to the disk, {}; {} back, {}: {} to the same place, {} to another", i.swap_outs,
              bytes(i.bytes_swapped_out), i.swap_ins, bytes(i.bytes_swapped_in), i.same_place, i.other_place);
  if (i.file_reads) text.line("{} of files by programs, {}", counted(i.file_reads, "read"), bytes(i.bytes_read));
  text.line("when the first program ended: {} free in {}, the largest of {}", bytes(early.layout.free_bytes),
            counted(early.layout.holes, "hole"), bytes(early.layout.largest_hole));
}

}  // namespace

nlohmann::ordered_json early_json(const EarlyRun& early) {
  const os::early::Statistics& i = early.images;
  const hw::RelocationStatistics& r = early.registers;
  return {{"registers",
           {{"checks", r.checks},
            {"additions", r.additions},
            {"below_fence", r.below_fence},
            {"beyond_bounds", r.beyond_bounds},
            {"beyond_memory", r.beyond_memory},
            {"register_loads", r.loads}}},
          {"programs", i.programs},
          {"peak_images", i.peak_images},
          {"peak_bytes", i.peak_bytes},
          {"moves", i.moves},
          {"bytes_moved", i.bytes_moved},
          {"compactions", i.compactions},
          {"fragmented", i.fragmented},
          {"refused", i.refused},
          {"swap_outs", i.swap_outs},
          {"swap_ins", i.swap_ins},
          {"bytes_swapped_out", i.bytes_swapped_out},
          {"bytes_swapped_in", i.bytes_swapped_in},
          {"same_place", i.same_place},
          {"other_place", i.other_place},
          {"file_reads", i.file_reads},
          {"bytes_read", i.bytes_read},
          {"layout",
           {{"holes", early.layout.holes},
            {"free_bytes", early.layout.free_bytes},
            {"largest_hole", early.layout.largest_hole}}}};
}

void add_early_section(const RunStatistics& s, ReportText& text) {
  if (!s.early) return;
  const bool relocates = s.config.machine.relocation.model == hw::MemoryModel::base_bounds;
  text.section(relocates ? "Base and bounds registers" : "Memory fence");
  add_registers(*s.early, relocates, text);
  add_images(*s.early, text);
}

}  // namespace faultline::cli
