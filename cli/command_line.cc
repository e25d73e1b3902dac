#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "cli/config/parse_arguments.h"
#include "cli/config/presets.h"
#include "cli/config/settings.h"
#include "cli/config/sysroot.h"
#include "cli/config/user_error.h"
#include "cli/output_files.h"
#include "cli/policy/policy_arguments.h"
#include "cli/sweep/sweep_arguments.h"
#include "cli/version.h"

namespace faultline::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRunExamples = R"(Examples:
  faultline run ./hello                         on the textbook machine
  faultline run -m core-i7 ./sort 100000        with caches, two TLB levels, banks of DRAM
  faultline run -s tlb.enabled=false ./hello    every reference walks the tables
  faultline run --fast-forward 2000000 --warm-up 100000 -m core-i7 ./sort 100000
                                                measures what comes behind those instructions
  faultline run -s dram.size=64M --stats out.json --bind data.txt ./words data.txt

Everything after PROGRAM belongs to the guest. `faultline machines` lists the machines, and
docs/configuration.md every setting.
)";

// What the options write to before it is checked.
struct RawRun {
  std::string machine = "textbook";
  std::vector<std::string> settings;
  std::optional<std::string> stats;
  std::optional<std::string> series;
  std::optional<std::string> record;
  std::optional<std::string> record_paging;
  std::optional<std::string> fast_forward;
  std::optional<std::string> warm_up;
  bool quiet = false;
  std::optional<std::string> root;
  std::string sysroot = kDefaultSysroot;
  std::vector<std::string> binds;
  std::vector<std::string> environment;
  bool tty = false;
};

void add_run_options(CLI::App& app, RawRun& raw) {
  // For the help text only: arguments from PROGRAM on never reach CLI11.
  app.add_option_function<std::string>(
      "PROGRAM", [](const std::string&) {}, "The program: for RV64GC Linux, static or dynamic");
  app.add_option_function<std::string>(
      "ARG", [](const std::string&) {}, "Its arguments, options too");

  const auto repeated = [](CLI::Option* option) {
    option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
  };
  app.add_option("-m,--machine", raw.machine, "Machine: a preset or a TOML file")
      ->type_name("MACHINE")
      ->capture_default_str();
  repeated(
      app.add_option("-s,--set", raw.settings, "Change one setting, such as tlb.l1d.ways=4")->type_name("KEY=VALUE"));
  // Not bound to the optional itself: CLI11 would take an empty text for none.
  const auto into = [](std::optional<std::string>& value) {
    return [&value](const std::string& text) { value = text; };
  };
  app.add_option_function<std::string>("--stats", into(raw.stats), "Write everything counted as JSON")
      ->type_name("FILE");
  app.add_option_function<std::string>("--series", into(raw.series), "Write a row of CSV every observe.interval cycles")
      ->type_name("FILE");
  app.add_option_function<std::string>("--record", into(raw.record),
                                       "Write every reference down, for faultline trace; the run takes longer")
      ->type_name("FILE");
  app.add_option_function<std::string>("--record-paging", into(raw.record_paging),
                                       "Write what page-out does down, for faultline policy")
      ->type_name("FILE");
  app.add_option_function<std::string>(
         "--fast-forward", into(raw.fast_forward),
         "First N instructions without timing, uncounted; mark: all but regions of interest")
      ->type_name("N|mark");
  app.add_option_function<std::string>("--warm-up", into(raw.warm_up), "Then N that fill TLBs and caches, uncounted")
      ->type_name("N");
  app.add_flag("--quiet", raw.quiet, "No report; only what went wrong is still told");
  app.add_option_function<std::string>("--root", into(raw.root), "This directory is the guest's /")->type_name("DIR");
  app.add_option("--sysroot", raw.sysroot, "Where the guest's libraries come from")
      ->type_name("DIR")
      ->capture_default_str();
  repeated(app.add_option("--bind", raw.binds, "Let the guest see a path of the host; :rw lets it change it")
               ->type_name("HOST[:GUEST][:ro|:rw]"));
  repeated(app.add_option("--env", raw.environment, "A variable of the guest's environment, else empty")
               ->type_name("NAME=VALUE"));
  app.add_flag("--tty", raw.tty, "The standard streams look like a terminal");
}

// Where PROGRAM stands: the first argument that is neither an option nor an
// option's value. Everything from there on is not CLI11's to look at.
size_t program_index(const CLI::App& app, const std::vector<std::string>& arguments) {
  size_t i = 0;
  while (i < arguments.size()) {
    const std::string& argument = arguments[i];
    if (argument == "--") return i + 1;
    if (argument.size() < 2 || argument[0] != '-') return i;
    const bool is_long = argument[1] == '-';
    const bool carries_value = is_long ? argument.find('=') != std::string::npos : argument.size() > 2;
    const CLI::Option* option = app.get_option_no_throw(is_long ? argument : argument.substr(0, 2));
    const bool takes_value = option && option->get_items_expected_max() > 0;
    i += takes_value && !carries_value ? 2 : 1;
  }
  return arguments.size();
}

std::string require_directory(const std::string& option, const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    throw UserError(fmt::format("{} {}: {}", option, path, error ? error.message() : "not a directory"));
  }
  return fs::absolute(path).lexically_normal().string();
}

// The last of several assignments to one name counts.
std::vector<std::string> environment_of(const std::vector<std::string>& given) {
  std::vector<std::string> environment;
  for (const std::string& variable : given) {
    const size_t equals = variable.find('=');
    if (equals == std::string::npos || equals == 0)
      throw UserError(fmt::format("--env {}: expected NAME=VALUE", variable));
    const std::string name = variable.substr(0, equals + 1);
    std::erase_if(environment, [&name](const std::string& earlier) { return earlier.starts_with(name); });
    environment.push_back(variable);
  }
  return environment;
}

// The setting that an option stands for, behind those of -s.
void add_setting(std::vector<std::string>& settings, const std::string& option, const std::string& key,
                 const std::string& value, const char* also = "") {
  const Setting* setting = find_setting(key);
  try {
    const std::string objection = setting->check(setting->parse(value));
    if (!objection.empty()) throw UserError(objection);
  } catch (const UserError& error) {
    throw UserError(fmt::format("{} {}: {}{}", option, value, error.what(), also));
  }
  settings.push_back(key + "=" + value);
}

std::vector<std::string> settings_of(const RawRun& raw) {
  std::vector<std::string> settings = raw.settings;
  if (raw.fast_forward == "mark") {
    settings.push_back("run.detail=regions");
  } else if (raw.fast_forward) {
    add_setting(settings, "--fast-forward", "run.fast_forward", *raw.fast_forward, ", or mark");
  }
  if (raw.warm_up) add_setting(settings, "--warm-up", "run.warm_up", *raw.warm_up);
  return settings;
}

RunOptions check(const RawRun& raw, const std::vector<std::string>& guest) {
  RunOptions options;
  options.machine = load_configuration(raw.machine, settings_of(raw));
  options.quiet = raw.quiet;
  if (raw.root) options.root = require_directory("--root", *raw.root);
  // Programs that are linked statically need no sysroot; the default may be absent.
  options.sysroot = raw.sysroot == kDefaultSysroot ? raw.sysroot : require_directory("--sysroot", raw.sysroot);
  for (const std::string& bind : raw.binds) options.binds.push_back(parse_bind(bind));
  options.environment = environment_of(raw.environment);
  options.tty = raw.tty;
  if (guest.empty()) throw UserError("run: no PROGRAM; see faultline run --help");
  if (guest.front().empty()) throw UserError("run: PROGRAM is an empty name");
  options.program = guest.front();
  options.arguments.assign(guest.begin() + 1, guest.end());
  OutputFiles files;
  files.reads("PROGRAM", options.root ? *options.root + "/" + options.program : options.program);
  if (raw.stats) {
    files.writes("--stats", *raw.stats);
    options.stats_file = raw.stats;
  }
  if (raw.series) {
    if (options.machine.values.machine.observe.interval == 0) {
      throw UserError(fmt::format("--series {}: how often? -s observe.interval=CYCLES", *raw.series));
    }
    files.writes("--series", *raw.series);
    options.series_file = raw.series;
  }
  if (raw.record) {
    if (options.machine.values.machine.hart.count != 1) {
      throw UserError(fmt::format("--record {}: a recording is of one hart, and hart.count = {}", *raw.record,
                                  options.machine.values.machine.hart.count));
    }
    if (options.machine.values.run.asks_for_a_part()) {
      throw UserError(
          fmt::format("--record {}: a recording is of a whole run, without run.fast_forward, run.warm_up "
                      "and run.detail",
                      *raw.record));
    }
    files.writes("--record", *raw.record);
    options.record_file = raw.record;
  }
  if (raw.record_paging) {
    files.writes("--record-paging", *raw.record_paging);
    options.record_paging_file = raw.record_paging;
  }
  return options;
}

// The help where that is asked for.
std::optional<PrintText> parse(CLI::App& app, std::vector<std::string> arguments) {
  if (auto help = parse_arguments(app, std::move(arguments))) return PrintText{*std::move(help)};
  return std::nullopt;
}

Command parse_run(const std::vector<std::string>& arguments) {
  CLI::App app("Runs a RISC-V Linux program (RV64GC) and reports where every cycle went.", "faultline run");
  app.footer(kRunExamples);
  app.get_formatter()->column_width(34);
  RawRun raw;
  add_run_options(app, raw);
  const size_t program = program_index(app, arguments);
  const bool marked = program > 0 && program <= arguments.size() && arguments[program - 1] == "--";
  const auto first = arguments.begin();
  const auto options_end =
      first + static_cast<std::ptrdiff_t>(marked ? program - 1 : std::min(program, arguments.size()));
  if (auto help = parse(app, {first, options_end})) return *std::move(help);
  const auto guest = first + static_cast<std::ptrdiff_t>(std::min(program, arguments.size()));
  return check(raw, {guest, arguments.end()});
}

Command parse_machines(const std::vector<std::string>& arguments) {
  CLI::App app("Lists the machines; with NAME prints one whole, as a TOML file that -m takes.", "faultline machines");
  MachinesOptions options;
  std::string name;
  app.add_option("NAME", name, "A preset or a TOML file");
  app.add_flag("--reference", options.reference, "Print every setting with its meaning, as Markdown");
  if (auto help = parse(app, arguments)) return *std::move(help);
  if (!name.empty()) options.name = name;
  return options;
}

constexpr const char* kTraceExamples = R"(Examples:
  valgrind --tool=lackey --trace-mem=yes --log-fd=9 9>ls.lackey ls
  faultline trace ls.lackey                        on the textbook machine
  faultline trace -s tlb.l1d.ways=4 ls.lackey
  xzcat 600.perlbench.champsimtrace.xz | faultline trace --format champsim -

What faultline run --record wrote is replayed on the page tables of that run; other traces get a page
when it is first referred to. docs/trace-format.md says more. Files may be compressed by xz, gzip or zstd.
)";

Command parse_trace(const std::vector<std::string>& arguments) {
  CLI::App app("Drives TLBs, page walks and caches with a trace of memory references.", "faultline trace");
  app.footer(kTraceExamples);
  app.get_formatter()->column_width(34);
  std::string machine = "textbook";
  std::vector<std::string> settings;
  TraceOptions options;
  app.add_option("-m,--machine", machine, "Machine: a preset or a TOML file")
      ->type_name("MACHINE")
      ->capture_default_str();
  app.add_option("-s,--set", settings, "Change one setting, such as tlb.l1d.ways=4")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  app.add_option_function<std::string>(
         "--stats", [&options](const std::string& file) { options.stats_file = file; },
         "Write everything counted as JSON")
      ->type_name("FILE");
  app.add_flag("--quiet", options.quiet, "No report; only what went wrong is still told");
  app.add_option_function<std::string>(
         "--format",
         [&options](const std::string& name) {
           const auto* found = std::find(std::begin(kTraceFormatNames), std::end(kTraceFormatNames), name);
           if (found == std::end(kTraceFormatNames))
             throw UserError(fmt::format("--format {}: there are lackey, din, champsim and faultline", name));
           options.format = static_cast<TraceFormat>(found - std::begin(kTraceFormatNames));
         },
         "lackey, din, champsim or faultline; else by the name and the first bytes")
      ->type_name("FORMAT");
  app.add_option("FILE", options.file, "The trace; - is standard input");
  if (auto help = parse(app, arguments)) return *std::move(help);
  if (options.file.empty()) throw UserError("trace: no FILE; see faultline trace --help");
  options.machine = load_configuration(machine, settings);
  if (options.machine.values.run.asks_for_a_part())
    throw UserError("trace: run.fast_forward, run.warm_up and run.detail are of programs");
  options.settings = std::move(settings);
  if (const uint32_t harts = options.machine.values.machine.hart.count; harts != 1)
    throw UserError(fmt::format("trace: one hart makes the references of a trace, and hart.count = {}", harts));
  OutputFiles files;
  files.reads("the trace", options.file);
  if (options.stats_file) files.writes("--stats", *options.stats_file);
  return options;
}

Command parse_sweep(const std::vector<std::string>& arguments) {
  auto parsed = parse_sweep_arguments(arguments);
  if (auto* help = std::get_if<std::string>(&parsed)) return PrintText{std::move(*help)};
  return std::get<SweepOptions>(std::move(parsed));
}

Command parse_policy(const std::vector<std::string>& arguments) {
  CLI::App app("Runs replacement policies on a string of page references: who goes when, and how many faults.",
               "faultline policy");
  PolicyOptions options;
  add_policy_options(app, options);
  if (auto help = parse(app, arguments)) return *std::move(help);
  check_policy_options(options);
  OutputFiles files;
  if (options.file) files.reads("--file", *options.file);
  if (options.replay) files.reads("--replay", *options.replay);
  if (options.stats_file) files.writes("--stats", *options.stats_file);
  return options;
}

std::string overview() {
  return fmt::format(
      "faultline {}: a cycle-approximate model of virtual memory, from the instruction to the disk.\n\n"
      "  faultline run [OPTIONS] PROGRAM [ARG...]   run a RISC-V Linux program and report where every cycle went\n"
      "  faultline trace [OPTIONS] FILE|-           the same for a trace of references, without a program\n"
      "  faultline sweep STUDY.toml                 run all points of a study, and chart them\n"
      "  faultline policy --string \"1 2 3 ...\"      replacement policies on a string of page references\n"
      "  faultline machines [NAME]                  list the machines, or print one\n"
      "  faultline --version\n\n"
      "`faultline run --help` and `faultline machines --help` say more.\n",
      kVersion);
}

}  // namespace

Bind parse_bind(const std::string& text) {
  const auto refuse = [&text](std::string_view why) { return UserError(fmt::format("--bind {}: {}", text, why)); };
  std::vector<std::string> parts;
  for (size_t begin = 0; begin != std::string::npos;) {
    const size_t colon = text.find(':', begin);
    parts.push_back(text.substr(begin, colon == std::string::npos ? colon : colon - begin));
    begin = colon == std::string::npos ? colon : colon + 1;
  }
  Bind bind;
  const bool marked = parts.size() > 1 && (parts.back() == "rw" || parts.back() == "ro");
  if (marked) {
    bind.writable = parts.back() == "rw";
    parts.pop_back();
  }
  if (parts.size() > 2) throw refuse("expected HOST[:GUEST][:ro|:rw], where no path holds a colon");
  const std::string& host = parts.front();
  if (host.empty()) throw refuse("expected HOST[:GUEST][:ro|:rw]");
  std::error_code error;
  if (!fs::exists(host, error)) throw refuse(error ? host + ": " + error.message() : host + " does not exist");
  bind.host = fs::absolute(host).lexically_normal().string();
  const std::string& guest = parts.size() == 2 ? parts.back() : bind.host;
  if (!guest.starts_with('/')) throw refuse("the guest's path must be absolute");
  bind.guest = fs::path(guest).lexically_normal().string();
  return bind;
}

Command parse_command_line(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw UserError("no command; see faultline --help");
  const std::string& command = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (command == "run") return parse_run(rest);
  if (command == "trace") return parse_trace(rest);
  if (command == "sweep") return parse_sweep(rest);
  if (command == "policy") return parse_policy(rest);
  if (command == "machines") return parse_machines(rest);
  if (command == "--help" || command == "-h" || command == "help") return PrintText{overview()};
  if (command == "--version") return PrintText{fmt::format("faultline {}\n", kVersion)};
  throw UserError(fmt::format(
      "unknown command {}; there are run, trace, sweep, policy and machines, see faultline --help", command));
}

}  // namespace faultline::cli
