#include "cli/observation.h"

#include <fstream>
#include <iterator>
#include <vector>

#include "loader/symbols.h"

namespace faultline::cli {
namespace {

// Programs that are larger keep their names to themselves.
constexpr std::streamsize kLargestProgram = 256 << 20;

// Of a program that lies where its file says: fixed addresses, no exec of another.
loader::Symbols symbols_of(const std::string& program, const RunStatistics& statistics) {
  for (const auto& [name, count] : statistics.syscalls) {
    if (name == "execve" || name == "execveat") return {};
  }
  std::ifstream file(program, std::ios::binary | std::ios::ate);
  const std::streamsize size = file.tellg();
  if (!file || size <= 0 || size > kLargestProgram) return {};
  std::vector<uint8_t> bytes(static_cast<size_t>(size));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), size);
  return file ? loader::Symbols(bytes) : loader::Symbols();
}

std::vector<ObservedCosts::Row> rows(const std::vector<hw::TranslationCost>& costs) {
  std::vector<ObservedCosts::Row> rows;
  for (const hw::TranslationCost& cost : costs) rows.push_back({.cost = cost, .symbol = ""});
  return rows;
}

}  // namespace

Observation::Observation(hw::Machine& machine) : machine_(machine) {
  const hw::ObserveConfig& observe = machine.config().observe;
  if (observe.tlb) {
    distances_ = std::make_unique<hw::StackDistanceObserver>(observe.sets);
    add(*distances_);
  }
  if (observe.pages) {
    costs_ = std::make_unique<hw::CostObserver>(machine.format().page());
    add(*costs_);
  }
}

Observation::~Observation() { machine_.mmu().observe(nullptr); }

void Observation::add(hw::TranslationObserver& observer) {
  observers_.add(observer);
  machine_.mmu().observe(&observers_);
}

void Observation::clear_counts() {
  if (distances_) distances_->clear_counts();
  if (costs_) costs_->clear_counts();
}

void Observation::set_counting(bool counting) {
  if (distances_) distances_->set_counting(counting);
  if (costs_) costs_->set_counting(counting);
}

void Observation::gather(RunStatistics& statistics, const std::string& program) const {
  if (distances_) statistics.observed.tlb = {distances_->instruction_misses(), distances_->data_misses()};
  if (!costs_) return;
  const uint32_t most = machine_.config().observe.top;
  ObservedCosts costs{.pages = rows(costs_->top_pages(most)),
                      .pcs = rows(costs_->top_instructions(most)),
                      .total = costs_->total(),
                      .pages_seen = costs_->pages(),
                      .pcs_seen = costs_->instructions(),
                      .more_pages = costs_->more_pages(),
                      .more_pcs = costs_->more_instructions()};
  const loader::Symbols symbols = symbols_of(program, statistics);
  for (ObservedCosts::Row& row : costs.pcs) row.symbol = symbols.name_at(VirtAddr(row.cost.address));
  statistics.observed.costs = std::move(costs);
}

}  // namespace faultline::cli
