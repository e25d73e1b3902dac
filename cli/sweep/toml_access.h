// Reading a TOML table key by key, with messages that name file, line and key.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/report/say.h"
#include "cli/sweep/study.h"

namespace faultline::cli {

// One table of a file. The table must outlive it.
class TomlTable {
 public:
  // `path` is what messages put before a key: "chart." or nothing.
  TomlTable(const std::string& file, const toml::table& table, std::string path)
      : file_(file), table_(table), path_(std::move(path)) {}

  // UserError for a key that is not one of these.
  void allow_only(std::initializer_list<std::string_view> keys) const;

  bool has(std::string_view key) const { return table_.contains(key); }
  const toml::node* find(std::string_view key) const { return table_.get(key); }
  const toml::table& raw() const { return table_; }
  const std::string& file() const { return file_; }

  Where where() const { return position(table_.source()); }
  Where where(std::string_view key) const;
  Where position(const toml::source_region& region) const;

  // UserError when the key is there and is no such thing.
  std::string text(std::string_view key, std::string fallback = "") const;
  std::string required_text(std::string_view key) const;
  bool boolean(std::string_view key) const;  // false when absent
  uint64_t number(std::string_view key, uint64_t fallback, uint64_t minimum, uint64_t maximum) const;
  std::vector<std::string> texts(std::string_view key) const;  // a text alone is a list of one
  std::optional<Expression> expression(std::string_view key) const;
  Expression expression_of(std::string_view key, const toml::node& node) const;

  // A table below; nothing when absent.
  std::optional<TomlTable> table(std::string_view key) const;
  // The tables of [[key]]; empty when absent.
  std::vector<TomlTable> tables(std::string_view key) const;
  const toml::array& array(std::string_view key) const;  // must be there

  [[noreturn]] void fail(std::string_view key, std::string_view objection) const;
  [[noreturn]] void fail_at(const toml::node& node, std::string_view key, std::string_view objection) const;

 private:
  const std::string& file_;
  const toml::table& table_;
  std::string path_;
};

// A scalar, or a list of scalars, as it stands after `-s KEY=`; nothing for a
// table, a date or a fraction.
std::optional<std::string> scalar_text(const toml::node& node);

// Setting `key` to this node: UserError, at `where`, unless the key exists and takes it.
Assignment read_assignment(const std::string& key, const toml::node& node, const Where& where);

// Every setting below, nested tables and dotted keys alike, in the order of the file.
std::vector<Assignment> read_assignments(const TomlTable& table);

}  // namespace faultline::cli
