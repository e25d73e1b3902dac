// Where `faultline policy` has its pages from: a line of numbers, or the
// references of a recorded run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cli/trace/compact_reader.h"
#include "os/reclaim/reference_string.h"

namespace faultline::cli {

struct NamedReferences {
  os::ReferenceString string;
  std::vector<uint64_t> names;  // of the pages, by number
};

// Numbers between white space or commas, decimal or 0x...; from # on a line is a
// comment. UserError, with `what` in front, for all else and where there is none.
NamedReferences parse_references(const std::string& what, std::string_view text);
// UserError where the file cannot be read; "-" is standard input.
NamedReferences read_references(const std::string& file);

// The pages that a recorded run referred to: a page for each address space, one
// reference for several of the same page one after another. Attempts that faulted
// are left out: they were made again. A sink of CompactReader's.
class RecordedPages {
 public:
  explicit RecordedPages(CompactReader& reader);

  void fetch_run(const FetchRun& run, bool faulted) {
    if (!faulted) refer(0, run.begin.value, run.bytes);
  }
  void data(Access, VirtAddr address, unsigned bytes, bool faulted) {
    if (!faulted) refer(1, address.value, bytes);
  }
  void address_space(PhysAddr, Asid asid) { space_ = uint64_t{asid} << kPageBits; }
  void kernel(bool, VirtAddr) {}
  void table_write(PhysAddr, uint64_t) {}
  void table_zero(PhysAddr, uint64_t) {}
  void flush_page(Asid, VirtAddr) {}
  void flush_asid(Asid) {}
  void flush_all() {}
  void process(uint64_t) {}
  void mark(uint64_t) {}

  NamedReferences take() { return std::move(references_); }

 private:
  static constexpr unsigned kPageBits = 48;

  struct Last {
    uint64_t key = ~uint64_t{0};
    uint32_t page = 0;
  };

  void refer(unsigned kind, uint64_t address, uint64_t bytes);

  CompactReader& reader_;
  unsigned shift_;
  uint64_t space_ = 0;
  NamedReferences references_;
  std::unordered_map<uint64_t, uint32_t> number_;
  Last last_[2];  // of fetches, of data
  uint64_t before_ = ~uint64_t{0};
};

}  // namespace faultline::cli
