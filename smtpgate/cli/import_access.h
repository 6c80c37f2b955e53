// SPDX-License-Identifier: Apache-2.0
//
// postscreen_access_list as an allow and a deny list. Postfix takes the first match; here the allow
// list comes before the deny list, so the order is kept where it can be and told where it cannot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/net/ip.h"

namespace smtpgate {

class AccessImport {
 public:
  /// Takes the entries of `access_list` in order, reading the cidr: tables that it names.
  void read(std::string_view access_list, std::string_view mynetworks);

  /// As the text of CIDR files; empty without entries.
  std::string allow() const { return format(allow_); }
  std::string deny() const { return format(deny_); }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Entry {
    hf::IpPrefix prefix;
    std::string origin;
  };
  void read_mynetworks(std::string_view mynetworks);
  void read_table(const std::string& path);
  void add(std::string_view pattern, std::string_view action, const std::string& origin);
  static std::string format(const std::vector<Entry>& entries);

  std::vector<Entry> allow_, deny_;
  std::vector<std::string> notes_;
};

}  // namespace smtpgate
