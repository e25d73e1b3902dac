// Arithmetic and conditions over named values: the filters and metrics of a
// study. "tlb.l1d.misses / tlb.l1d.lookups", "tlb.l1d.sets * tlb.l1d.ways <= 1K".
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace faultline::cli {

using Json = nlohmann::ordered_json;

// The value of a name: a number, a text, true or false; null when there is none.
using Lookup = std::function<Json(std::string_view name)>;

// Loosest first: or, and, not, one comparison (== != < <= > >=), + -, * /.
// Atoms are numbers (K, M, G, T multiply by powers of 1024), "texts", true,
// false, names and parentheses. A name alone keeps its value as it is; all
// arithmetic is in double.
class Expression {
 public:
  // UserError without the origin's name for a text that is none.
  explicit Expression(std::string_view text);

  // Null when a name that matters has no value, or for a division by zero.
  // Beside a number a text is the number that it reads as ("4K" is 4096); other texts compare only with texts.
  Json evaluate(const Lookup& lookup) const;

  // Null counts as false.
  bool holds(const Lookup& lookup) const;
  // Whether it could hold if each name without a value had some.
  bool may_hold(const Lookup& lookup) const;

  // Each name once, in order of appearance.
  const std::vector<std::string>& names() const { return names_; }
  const std::string& text() const { return text_; }

 private:
  friend class ExpressionParser;

  enum class Operator : unsigned char {
    literal,
    name,
    negate,
    logical_not,
    logical_and,
    logical_or,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    add,
    subtract,
    multiply,
    divide
  };
  struct Step {
    Operator op;
    Json literal;      // of a literal
    std::string name;  // of a name
  };

  // What null makes of `and`, `or` and `not`: false, or unknown (null) where
  // the other side does not decide.
  enum class Absent : unsigned char { no, unknown };

  Json evaluate(const Lookup& lookup, Absent absent) const;
  static Json combine(Operator op, const Json& left, const Json& right, Absent absent);
  static Json apply(Operator op, const Json& left, const Json& right);
  static Json compare(Operator op, const Json& left, const Json& right);

  std::string text_;
  std::vector<Step> steps_;  // in reverse Polish order
  std::vector<std::string> names_;
};

}  // namespace faultline::cli
