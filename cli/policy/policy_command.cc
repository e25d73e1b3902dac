#include "cli/policy/policy_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>
#include <nlohmann/json.hpp>

#include "cli/config/user_error.h"
#include "cli/policy/policy_table.h"
#include "cli/policy/recorded_paging.h"
#include "cli/policy/reference_source.h"
#include "cli/trace/trace_error.h"

namespace faultline::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "faultline.policy/1";
constexpr int kDifferentStatus = 1;
// A table where nobody asked for one, and at most.
constexpr size_t kShortString = 100;
constexpr uint64_t kFewFrames = 16;
constexpr size_t kLongestTable = 10'000;
constexpr uint64_t kMostTableFrames = 256;

void write_json(const std::string& path, const Json& json) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  file.close();
  if (!file) throw UserError(fmt::format("--stats {}: {}", path, errno ? std::strerror(errno) : "cannot be written"));
}

// --- a reference string -----------------------------------------------------------

PolicyResult run_policy(const std::string& policy, uint64_t frames, const PolicyOptions& options,
                        const NamedReferences& references, std::span<const uint32_t> next, bool keep_steps) {
  const uint64_t spread = options.hand_spread ? options.hand_spread : std::max<uint64_t>(frames / 4, 1);
  PolicyResult result{
      .policy = policy, .frames = frames, .hand_spread = std::min(spread, frames), .faults = 0, .steps = {}};
  // In more frames than there are pages nothing happens either.
  const uint64_t used = keep_steps ? frames : std::min<uint64_t>(frames, references.string.distinct);
  os::OfflineMemory memory(policy,
                           {.frames = used,
                            .hand_spread = result.hand_spread,
                            .seed = options.seed,
                            .aging_bits = options.aging_bits,
                            .tick_every = options.tick_every ? options.tick_every : frames},
                           references.string, next);
  for (size_t at = 0; !memory.at_end(); ++at) {
    const std::optional<os::OfflineMemory::Step> step = memory.refer();
    if (!step) throw std::logic_error(fmt::format("{} with {} frames takes no page", policy, frames));
    if (!keep_steps) continue;
    const auto contents = memory.contents();
    const auto actions = memory.actions();
    result.steps.push_back(
        {references.string.pages[at], *step, {contents.begin(), contents.end()}, {actions.begin(), actions.end()}});
  }
  result.faults = memory.faults();
  return result;
}

Json steps_json(const PolicyResult& result, const NamedReferences& references) {
  Json steps = Json::array();
  for (const PolicyStep& step : result.steps) {
    Json frames = Json::array();
    for (const uint32_t page : step.contents)
      frames.push_back(page == os::OfflineMemory::kEmpty ? Json() : Json(references.names[page]));
    steps.push_back({{"page", references.names[step.page]},
                     {"hit", step.step.hit},
                     {"frame", step.step.frame},
                     {"victim", step.step.victim ? Json(references.names[*step.step.victim]) : Json()},
                     {"frames", frames}});
  }
  return steps;
}

Json results_json(const std::vector<PolicyResult>& results, const NamedReferences& references) {
  const uint64_t length = references.string.pages.size();
  Json json = {{"schema", kSchema}, {"references", length}, {"pages", references.string.distinct}};
  json["results"] = Json::array();
  for (const PolicyResult& result : results) {
    Json one = {{"policy", result.policy},
                {"frames", result.frames},
                {"faults", result.faults},
                {"first_uses", references.string.distinct},
                {"hits", length - result.faults}};
    if (result.policy == "two-handed") one["hand_spread"] = result.hand_spread;
    if (!result.steps.empty()) one["steps"] = steps_json(result, references);
    json["results"].push_back(std::move(one));
  }
  return json;
}

// Whether each step is shown. UserError where that was asked for and is too much.
bool tables_wanted(const PolicyOptions& options, size_t references) {
  const uint64_t frames = options.frames.back();
  if (options.tables != PolicyTables::always) {
    return options.tables == PolicyTables::automatic && options.frames.size() == 1 && frames <= kFewFrames &&
           references <= kShortString;
  }
  if (references <= kLongestTable && frames <= kMostTableFrames) return true;
  throw UserError(fmt::format("--table: at most {} references and {} frames, and here are {} and {}", kLongestTable,
                              kMostTableFrames, references, frames));
}

PolicyReport run_string(const PolicyOptions& options, const NamedReferences& references) {
  const bool tables = tables_wanted(options, references.string.pages.size());
  std::vector<std::string> policies = options.policies;
  if (policies.empty()) {
    const auto all = os::replacement_policy_names();
    policies.assign(all.begin(), all.end());
  }
  const std::vector<uint32_t> next = os::next_references(references.string);
  std::vector<PolicyResult> results;
  for (const std::string& policy : policies) {
    for (const uint64_t frames : options.frames)
      results.push_back(run_policy(policy, frames, options, references, next, tables));
  }
  PolicyReport report;
  if (tables) {
    for (const PolicyResult& result : results) {
      report.text += policy_table(result, references.names);
      if (options.actions) report.text += policy_actions(result, references.names);
    }
  }
  report.text += policy_summary(results, references.string.pages.size(), references.string.distinct);
  if (options.stats_file) write_json(*options.stats_file, results_json(results, references));
  return report;
}

// --- a recording ------------------------------------------------------------------

PolicyReport report_replay(const PolicyOptions& options, const RecordedPaging& recorded) {
  const std::string& policy = recorded.policy();
  for (const std::string& asked : options.policies) {
    if (asked == policy) continue;
    throw UserError(fmt::format(
        "{}: holds what {} saw, which is not enough to say what {} would do; record every reference with faultline run "
        "--record",
        *options.replay, policy, asked));
  }
  if (!options.frames.empty())
    throw UserError(fmt::format("{}: page-out as it was, in {} frames: leave --frames away", *options.replay,
                                recorded.settings().frames));
  const os::PolicyReplay* replay = recorded.replay();
  const uint64_t taken = replay ? replay->taken().size() : 0;
  const std::optional<std::string> difference = replay ? replay->difference() : std::nullopt;
  PolicyReport report;
  report.text = fmt::format(
      "{}, {} frames: {} events, {} steps, {} looks, {} pages taken\n{}\n", policy, recorded.settings().frames,
      replay ? replay->events() : 0, replay ? replay->steps() : 0, replay ? replay->looks() : 0, taken,
      difference ? "different: " + *difference : "the same pages as in the run, in the same order");
  if (difference) report.status = kDifferentStatus;
  if (options.stats_file) {
    Json json = {{"schema", kSchema}, {"policy", policy}, {"frames", recorded.settings().frames}};
    json["events"] = replay ? replay->events() : 0;
    json["steps"] = replay ? replay->steps() : 0;
    json["looks"] = replay ? replay->looks() : 0;
    json["same"] = !difference;
    json["difference"] = difference ? Json(*difference) : Json();
    json["taken"] = replay ? Json(replay->taken()) : Json::array();
    write_json(*options.stats_file, json);
  }
  return report;
}

PolicyReport run_recording(const PolicyOptions& options) {
  TraceInput input(*options.replay, decompress(open_file(*options.replay)));
  CompactReader reader(input);
  RecordedPaging recorded(reader);
  while (reader.read(recorded)) {
  }
  if (!recorded.policy().empty()) return report_replay(options, recorded);
  const NamedReferences references = recorded.take();
  if (references.string.pages.empty()) throw UserError(*options.replay + ": there is no reference in it");
  if (options.frames.empty()) {
    throw UserError(fmt::format("{}: references to {} pages: how many frames? --frames 64,128", *options.replay,
                                references.string.distinct));
  }
  return run_string(options, references);
}

}  // namespace

PolicyReport policy_command(const PolicyOptions& options) {
  try {
    if (options.replay) return run_recording(options);
    return run_string(options,
                      options.string ? parse_references("--string", *options.string) : read_references(*options.file));
  } catch (const TraceError& error) {
    throw UserError(error.what());
  } catch (const std::bad_alloc&) {
    throw UserError("policy: this host has too little memory for so many references and frames");
  }
}

}  // namespace faultline::cli
