#include "cli/sweep/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "cli/config/user_error.h"
#include "cli/config/value.h"
#include "cli/report/say.h"

namespace faultline::cli {

// Recursive descent, one function for each strength of binding.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, Expression& into) : text_(text), into_(into) {}

  void parse() {
    disjunction();
    skip_space();
    if (at_ < text_.size()) fail();
  }

 private:
  using Operator = Expression::Operator;

  static constexpr int kDeepest = 64;  // parentheses and nots: bounds the stack

  [[noreturn]] void fail() const {
    if (at_ >= text_.size()) throw UserError(fmt::format("\"{}\" ends too early", clipped(text_)));
    throw UserError(fmt::format("\"{}\": not understood from \"{}\" on", clipped(text_), clipped(text_.substr(at_))));
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
  static bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '.'; }

  std::string_view word_ahead() {
    skip_space();
    size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }

  bool take_word(std::string_view word) {
    if (word_ahead() != word) return false;
    at_ += word.size();
    return true;
  }

  bool take(std::string_view symbol) {
    skip_space();
    if (!text_.substr(at_).starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }

  void emit(Operator op) { into_.steps_.push_back({op, {}, {}}); }

  void disjunction() {
    conjunction();
    while (take_word("or")) {
      conjunction();
      emit(Operator::logical_or);
    }
  }

  void conjunction() {
    negation();
    while (take_word("and")) {
      negation();
      emit(Operator::logical_and);
    }
  }

  void negation() {
    if (!take_word("not")) return comparison();
    if (++depth_ > kDeepest) fail();
    negation();
    --depth_;
    emit(Operator::logical_not);
  }

  void comparison() {
    static constexpr std::array<std::pair<std::string_view, Operator>, 6> kSymbols = {{{"==", Operator::equal},
                                                                                       {"!=", Operator::not_equal},
                                                                                       {"<=", Operator::less_equal},
                                                                                       {">=", Operator::greater_equal},
                                                                                       {"<", Operator::less},
                                                                                       {">", Operator::greater}}};
    sum();
    for (const auto& [symbol, op] : kSymbols) {
      if (!take(symbol)) continue;
      sum();
      emit(op);
      return;
    }
  }

  void sum() {
    product();
    for (;;) {
      const bool plus = take("+");
      if (!plus && !take("-")) return;
      product();
      emit(plus ? Operator::add : Operator::subtract);
    }
  }

  void product() {
    atom();
    for (;;) {
      const bool times = take("*");
      if (!times && !take("/")) return;
      atom();
      emit(times ? Operator::multiply : Operator::divide);
    }
  }

  void atom() {
    if (take("(")) {
      if (++depth_ > kDeepest) fail();
      disjunction();
      --depth_;
      if (!take(")")) fail();
      return;
    }
    if (take("\"")) return quoted();
    if (take("-")) {
      if (++depth_ > kDeepest) fail();
      atom();
      --depth_;
      return emit(Operator::negate);
    }
    const std::string_view word = word_ahead();
    if (word.empty() || word == "and" || word == "or" || word == "not") fail();
    if (is_digit(word.front())) {
      literal(number(word));
    } else if (word == "true" || word == "false") {
      literal(word == "true");
    } else {
      name(word);
    }
    at_ += word.size();
  }

  void literal(Json value) { into_.steps_.push_back({Operator::literal, std::move(value), {}}); }

  Json number(std::string_view word) const {
    if (const auto size = parse_size(word)) return *size;
    char* end = nullptr;
    const std::string digits(word);
    const double value = std::strtod(digits.c_str(), &end);
    if (*end != '\0') fail();
    return value;
  }

  void quoted() {
    const size_t end = text_.find('"', at_);
    if (end == std::string_view::npos) {
      at_ = text_.size();
      fail();
    }
    literal(std::string(text_.substr(at_, end - at_)));
    at_ = end + 1;
  }

  void name(std::string_view word) {
    if (word.front() == '.' || word.back() == '.' || word.find("..") != std::string_view::npos) fail();
    into_.steps_.push_back({Operator::name, {}, std::string(word)});
    if (std::find(into_.names_.begin(), into_.names_.end(), word) == into_.names_.end())
      into_.names_.emplace_back(word);
  }

  std::string_view text_;
  Expression& into_;
  size_t at_ = 0;
  int depth_ = 0;
};

namespace {

// What arithmetic and order compare; a text has none.
bool numeric(const Json& value) { return value.is_number() || value.is_boolean(); }
double number_of(const Json& value) {
  return value.is_boolean() ? (value.get<bool>() ? 1.0 : 0.0) : value.get<double>();
}
bool truth(const Json& value) { return numeric(value) && number_of(value) != 0; }

// Beside a number a text is the number that it reads as: a page of "4K" has 4096 bytes.
Json beside(const Json& value, const Json& other) {
  if (!value.is_string() || !other.is_number()) return value;
  const auto number = parse_size(value.get_ref<const std::string&>());
  return number ? Json(*number) : value;
}

}  // namespace

Expression::Expression(std::string_view text) : text_(text) { ExpressionParser(text_, *this).parse(); }

Json Expression::compare(Operator op, const Json& first, const Json& second) {
  if (first.is_null() || second.is_null()) return nullptr;
  const Json left = beside(first, second), right = beside(second, first);
  const bool numbers = numeric(left) && numeric(right);
  if (!numbers && !(left.is_string() && right.is_string())) {
    if (op == Operator::equal) return false;
    return op == Operator::not_equal ? Json(true) : Json(nullptr);
  }
  const auto order =
      numbers ? number_of(left) <=> number_of(right)
              : std::partial_ordering(left.get_ref<const std::string&>() <=> right.get_ref<const std::string&>());
  switch (op) {
    case Operator::equal:
      return order == 0;
    case Operator::not_equal:
      return order != 0;
    case Operator::less:
      return order < 0;
    case Operator::less_equal:
      return order <= 0;
    case Operator::greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

Json Expression::combine(Operator op, const Json& left, const Json& right, Absent absent) {
  const bool unknown = absent == Absent::unknown && (left.is_null() || right.is_null());
  if (op == Operator::logical_or) {
    if (truth(left) || truth(right)) return true;
    return unknown ? Json(nullptr) : Json(false);
  }
  const auto no = [](const Json& side) { return !side.is_null() && !truth(side); };
  if (unknown) return no(left) || no(right) ? Json(false) : Json(nullptr);
  return truth(left) && truth(right);
}

Json Expression::apply(Operator op, const Json& left, const Json& right) {
  if (op < Operator::add) return compare(op, left, right);
  if (!numeric(left) || !numeric(right)) return nullptr;
  const double a = number_of(left), b = number_of(right);
  switch (op) {
    case Operator::add:
      return a + b;
    case Operator::subtract:
      return a - b;
    case Operator::multiply:
      return a * b;
    default:
      return b == 0 ? Json(nullptr) : Json(a / b);
  }
}

Json Expression::evaluate(const Lookup& lookup) const { return evaluate(lookup, Absent::no); }

Json Expression::evaluate(const Lookup& lookup, Absent absent) const {
  std::vector<Json> stack;
  for (const Step& step : steps_) {
    if (step.op == Operator::literal) {
      stack.push_back(step.literal);
    } else if (step.op == Operator::name) {
      stack.push_back(lookup(step.name));
    } else if (step.op == Operator::negate) {
      stack.back() = apply(Operator::subtract, 0, stack.back());
    } else if (step.op == Operator::logical_not) {
      const bool unknown = absent == Absent::unknown && stack.back().is_null();
      stack.back() = unknown ? Json(nullptr) : Json(!truth(stack.back()));
    } else {
      const Json right = std::move(stack.back());
      stack.pop_back();
      const bool logical = step.op == Operator::logical_and || step.op == Operator::logical_or;
      stack.back() = logical ? combine(step.op, stack.back(), right, absent) : apply(step.op, stack.back(), right);
    }
  }
  return stack.back();
}

bool Expression::holds(const Lookup& lookup) const { return truth(evaluate(lookup)); }

bool Expression::may_hold(const Lookup& lookup) const {
  const Json value = evaluate(lookup, Absent::unknown);
  return value.is_null() || truth(value);
}

}  // namespace faultline::cli
