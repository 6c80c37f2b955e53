// SPDX-License-Identifier: Apache-2.0
//
// What the entries of an rbldnsd zone answer: pairs of an A record and a TXT template, each
// different pair and each different template stored once, and the filling in of templates
// (rbldnsd(8), "Resulting A values and TXT templates").
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/net/ip.h"

namespace smtpgate {

class ListValues {
 public:
  /// Numbers count from 0. Text 0 is the empty one: no TXT record.
  uint32_t add_text(std::string_view text);
  uint32_t add_value(uint32_t a, uint32_t text);

  /// $0 to $9 and, for '=', the base template; the first setting of each counts.
  void set_variable(char name, std::string_view text);

  hf::IpAddress address(uint32_t value) const { return hf::IpAddress::v4(values_[value].a); }
  /// The TXT record for `subject`, at most 255 bytes; empty: none.
  std::string text(uint32_t value, std::string_view subject) const;
  bool has_text(uint32_t value) const { return values_[value].text != 0 || !base_.empty(); }

  void shrink();
  size_t memory_bytes() const;

 private:
  struct Value {
    uint32_t a;
    uint32_t text;
  };
  std::vector<Value> values_;
  std::string texts_;
  std::vector<uint32_t> text_end_ = {0};  // where each text ends in texts_
  std::string base_;
  std::array<std::string, 10> variables_;
};

}  // namespace smtpgate
