#include "cli/config/setting.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/config/user_error.h"

namespace faultline::cli {
namespace {

std::string range_text(const Range& range, bool size) {
  const auto write = [size](uint64_t n) { return size ? format_size(n) : std::to_string(n); };
  if (range.maximum == std::numeric_limits<uint64_t>::max()) {
    return range.minimum == 0 ? "" : " of at least " + write(range.minimum);
  }
  return fmt::format(" from {} to {}", write(range.minimum), write(range.maximum));
}

}  // namespace

std::string Setting::expected() const {
  switch (kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::number:
      return "a whole number" + range_text(facts.range, false);
    case Kind::size:
      return "a size in bytes (K, M, G)" + range_text(facts.range, true);
    case Kind::choice:
      return fmt::format("one of {}", fmt::join(facts.choices, ", "));
    case Kind::text:
      return std::string(facts.form);
    case Kind::list:
      return fmt::format("a list of at most {} numbers, each{}", facts.longest, range_text(facts.range, false));
    case Kind::numbered:
      break;
  }
  std::vector<std::string> words;
  for (size_t i = 0; i < facts.choices.size(); ++i) words.push_back(fmt::format("{} ({})", i, facts.choices[i]));
  return fmt::format("one of {}", fmt::join(words, ", "));
}

std::string Setting::check(const Value& value) const {
  bool good = true;
  const auto in_range = [this](uint64_t n) { return n >= facts.range.minimum && n <= facts.range.maximum; };
  if (const uint64_t* number = std::get_if<uint64_t>(&value)) {
    good = in_range(*number);
  } else if (const Numbers* numbers = std::get_if<Numbers>(&value)) {
    good = numbers->size() <= facts.longest && std::all_of(numbers->begin(), numbers->end(), in_range);
  } else if (const std::string* name = std::get_if<std::string>(&value)) {
    good = kind == Kind::text ? facts.takes(*name)
                              : std::find(facts.choices.begin(), facts.choices.end(), *name) != facts.choices.end();
  }
  if (!good) return "expected " + expected();
  return "";
}

Value Setting::parse(std::string_view text) const {
  const auto or_error = [&](auto parsed) -> Value {
    if (!parsed) throw UserError("expected " + expected());
    return *parsed;
  };
  switch (kind) {
    case Kind::boolean:
      return or_error(parse_boolean(text));
    case Kind::number:
      return or_error(parse_number(text));
    case Kind::size:
      return or_error(parse_size(text));
    case Kind::choice:
    case Kind::text:
      return std::string(text);
    case Kind::list:
      return or_error(parse_numbers(text));
    case Kind::numbered:
      break;
  }
  const auto name = std::find(facts.choices.begin(), facts.choices.end(), text);
  if (name != facts.choices.end()) return static_cast<uint64_t>(name - facts.choices.begin());
  return or_error(parse_number(text));
}

std::string Setting::toml(const Value& value) const {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const std::string* name = std::get_if<std::string>(&value)) return fmt::format("\"{}\"", *name);
  if (const Numbers* numbers = std::get_if<Numbers>(&value)) return fmt::format("[{}]", fmt::join(*numbers, ", "));
  const uint64_t number = std::get<uint64_t>(value);
  if (kind != Kind::size) return std::to_string(number);
  const std::string size = format_size(number);
  return size == std::to_string(number) ? size : fmt::format("\"{}\"", size);
}

}  // namespace faultline::cli
