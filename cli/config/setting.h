// One setting: its name, what it may be, what it means, and where it lives in
// Configuration. The table of them (settings.h) is the only list: reading,
// checking, printing and the documentation all go through it.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cli/config/configuration.h"
#include "cli/config/value.h"

namespace faultline::cli {

// The names of an enumeration's values, in the order of their numbers.
template <class Enum>
inline constexpr auto kChoiceNames = nullptr;
template <>
inline constexpr std::array<std::string_view, 4> kChoiceNames<hw::Replacement> = {"lru", "plru", "fifo", "random"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<hw::TlbLarge> = {"one", "several"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<hw::WalkerEntry> = {"l1d", "l2", "memory"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<hw::DramTiming> = {"flat", "banks"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<hw::Misaligned> = {"fast", "slow", "trap"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<hw::DiskKind> = {"hdd", "ssd"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<hw::MemoryModel> = {"paging", "fence", "base-bounds"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<os::Placement> = {"first-fit", "best-fit", "worst-fit"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<hw::DiskScheduler> = {"fifo", "elevator"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<hw::DiskFaultOn> = {"both", "read", "write"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<hw::DiskFaultArea> = {"all", "swap", "files"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<os::HugePages> = {"never", "madvise", "always"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<DetailIn> = {"whole", "regions"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<os::Overcommit> = {"heuristic", "always", "never"};

struct Range {
  uint64_t minimum = 0;
  uint64_t maximum = std::numeric_limits<uint64_t>::max();
};

// What the table says of a setting beside its name and place.
struct SettingFacts {
  std::string_view help;                       // one sentence
  std::string_view unit = {};                  // "bytes" makes it a size
  Range range = {};                            // of a list: of each number
  size_t longest = 64;                         // list: numbers
  std::vector<std::string_view> choices = {};  // of a text; an enumeration brings its own
  std::string_view form = {};                  // of a text without choices: what it looks like
  bool (*takes)(std::string_view) = nullptr;   // ... and whether this one does
  bool numbered = false;                       // an enumeration that is written as its number; the names are taken too
};

struct Setting {
  enum class Kind : uint8_t { boolean, number, size, choice, numbered, list, text };

  std::string path;  // as in TOML: "tlb.l1d.ways"
  Kind kind;
  SettingFacts facts;
  Value (*get)(const Configuration&);
  // The value must be one that check() passes.
  void (*set)(Configuration&, const Value&);

  // Why the value may not be set ("expected ..."), empty when it may. The
  // variant's type must be the kind's: bool; number; for a choice its name; a
  // text; a list of numbers.
  std::string check(const Value& value) const;
  // "a whole number from 1 to 64", for messages and documentation.
  std::string expected() const;
  // A value as written after `-s KEY=`; UserError without the origin's name.
  Value parse(std::string_view text) const;
  // The value as TOML writes it: true, 64, "256M", "lru".
  std::string toml(const Value& value) const;
  Value default_value() const { return get(Configuration{}); }
};

namespace setting_detail {

// The member of Configuration at the end of a path of pointers to members.
template <auto... Path>
constexpr auto& member(auto& configuration) {
  return (configuration.*....*Path);
}

// Lists of numbers: vectors of unsigned integers.
template <class Member>
inline constexpr bool is_list = false;
template <std::unsigned_integral Number>
inline constexpr bool is_list<std::vector<Number>> = true;

template <class Member>
Value to_value(const Member& member, bool numbered) {
  if constexpr (std::same_as<Member, bool>) {
    return member;
  } else if constexpr (std::is_enum_v<Member>) {
    if (numbered) return uint64_t{static_cast<std::underlying_type_t<Member>>(member)};
    return std::string(kChoiceNames<Member>[static_cast<size_t>(member)]);
  } else if constexpr (std::unsigned_integral<Member>) {
    return uint64_t{member};
  } else if constexpr (is_list<Member>) {
    return Numbers(member.begin(), member.end());
  } else {
    return member;
  }
}

template <class Member>
void from_value(Member& member, const Value& value) {
  if constexpr (std::same_as<Member, bool>) {
    member = std::get<bool>(value);
  } else if constexpr (std::is_enum_v<Member>) {
    if (const uint64_t* number = std::get_if<uint64_t>(&value)) {
      member = static_cast<Member>(*number);
      return;
    }
    for (size_t i = 0; i < kChoiceNames<Member>.size(); ++i) {
      if (kChoiceNames<Member>[i] == std::get<std::string>(value)) member = static_cast<Member>(i);
    }
  } else if constexpr (std::unsigned_integral<Member>) {
    member = static_cast<Member>(std::get<uint64_t>(value));
  } else if constexpr (is_list<Member>) {
    const Numbers& numbers = std::get<Numbers>(value);
    member.assign(numbers.begin(), numbers.end());
  } else {
    member = std::get<std::string>(value);
  }
}

template <bool Numbered, auto... Path>
Value get(const Configuration& configuration) {
  return to_value(member<Path...>(configuration), Numbered);
}

template <auto... Path>
void set(Configuration& configuration, const Value& value) {
  from_value(member<Path...>(configuration), value);
}

}  // namespace setting_detail

// The setting of the member that the path of pointers to members leads to.
template <auto... Path>
Setting setting(std::string path, SettingFacts facts) {
  namespace detail = setting_detail;
  using Member = std::remove_cvref_t<decltype(detail::member<Path...>(std::declval<Configuration&>()))>;
  Setting::Kind kind = facts.unit == "bytes" ? Setting::Kind::size : Setting::Kind::number;
  auto get = &detail::get<false, Path...>;
  if constexpr (std::same_as<Member, bool>) {
    kind = Setting::Kind::boolean;
  } else if constexpr (std::is_enum_v<Member>) {
    kind = facts.numbered ? Setting::Kind::numbered : Setting::Kind::choice;
    if (facts.numbered) get = &detail::get<true, Path...>;
    facts.choices.assign(kChoiceNames<Member>.begin(), kChoiceNames<Member>.end());
    facts.range = {0, facts.choices.size() - 1};
  } else if constexpr (std::same_as<Member, std::string>) {
    kind = facts.takes ? Setting::Kind::text : Setting::Kind::choice;
  } else if constexpr (detail::is_list<Member>) {
    kind = Setting::Kind::list;
    facts.range.maximum =
        std::min(facts.range.maximum, uint64_t{std::numeric_limits<typename Member::value_type>::max()});
  } else {
    facts.range.maximum = std::min(facts.range.maximum, uint64_t{std::numeric_limits<Member>::max()});
  }
  return {std::move(path), kind, std::move(facts), get, &detail::set<Path...>};
}

}  // namespace faultline::cli
