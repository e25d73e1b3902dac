// Values of settings as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace faultline::cli {

using Numbers = std::vector<uint64_t>;
using Value = std::variant<bool, uint64_t, std::string, Numbers>;

// Decimal digits, with one underscore between two of them where one likes, as in TOML; nothing when there are others or
// the number is too large.
std::optional<uint64_t> parse_number(std::string_view text);

// Such numbers with commas between them, in brackets or without; nothing between brackets is none.
std::optional<Numbers> parse_numbers(std::string_view text);

// Bytes: decimal digits and at most one of K, M, G, T (powers of 1024, either case).
std::optional<uint64_t> parse_size(std::string_view text);

// The shortest exact form that parse_size takes: 262144 -> "256K", 1000 -> "1000".
std::string format_size(uint64_t bytes);

// "true", "false", and what people write for them: on, off, yes, no, 1, 0.
std::optional<bool> parse_boolean(std::string_view text);

// How many single-letter edits lead from one to the other (Levenshtein).
size_t edit_distance(std::string_view from, std::string_view to);

}  // namespace faultline::cli
