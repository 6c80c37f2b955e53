// SPDX-License-Identifier: Apache-2.0
//
// Postfix's main.cf as postconf(5) describes it: continued lines, comments, and $name in values.
// Relational expressions are not evaluated.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"

namespace smtpgate {

/// Lines of a main.cf or of a Postfix table: comments and empty lines are gone, and a line that
/// starts with a blank has been joined to the one before it.
std::vector<std::string> postfix_lines(std::string_view text);

class MainCf {
 public:
  /// Lines that set nothing are passed over; the last setting of a parameter counts.
  static MainCf parse(std::string_view text);

  bool has(std::string_view name) const { return settings_.contains(name); }
  /// The value that Postfix itself gives a parameter, where the file does not set it.
  void set_default(std::string name, std::string value);
  /// The value with all variables replaced, empty where it is not set. The error says what about it
  /// cannot be evaluated.
  hf::Result<std::string> value(std::string_view name) const;
  /// In the order of the alphabet, values as written.
  const std::map<std::string, std::string, std::less<>>& settings() const { return settings_; }

 private:
  struct Expansion;
  hf::Result<void> expand(std::string_view text, Expansion& out) const;
  hf::Result<void> expand_braced(std::string_view inside, Expansion& out) const;
  std::string_view raw(std::string_view name) const;

  std::map<std::string, std::string, std::less<>> settings_, defaults_;
};

}  // namespace smtpgate
