// SPDX-License-Identifier: Apache-2.0
//
// postscreen's reply filters and DNS list entries: "zone", "zone*weight", "zone=filter",
// "zone=filter*weight". A filter is four dot-separated fields, each a number or "[...]" with
// numbers and ranges separated by ';' such as 127.0.[0..255].[2;4;10..11]. An alternation of whole
// filters is not part of the syntax. (Postfix manual, postconf(5), postscreen_dnsbl_sites.)
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/net/ip.h"

namespace smtpgate {

/// Which A records of a list count.
class ReplyFilter {
 public:
  ReplyFilter();  // takes every listing: all of 127.0.0.0/8
  /// An error quotes the field that is wrong.
  static hf::Result<ReplyFilter> parse(std::string_view text);
  bool matches(const hf::IpAddress& answer) const;

 private:
  std::array<std::bitset<256>, 4> fields_;
};

/// One entry of postscreen_dnsbl_sites.
struct ListRule {
  std::string zone;  // lower case, no final dot
  ReplyFilter filter;
  std::string filter_text;  // as written, empty if none
  int weight = 1;
};
/// An error quotes the entry and says what it should look like.
hf::Result<ListRule> parse_list_rule(std::string_view text);

/// What one A record from a DNS list means, before any filter.
enum class ListCode : uint8_t {
  kListed,      // 127/8 and none of the below
  kNotListing,  // outside 127/8, or 127.0.0.1: a rewriting resolver, never a listing
  kListError,   // 127.255.255.0/24: the list says that it will not answer us
};
ListCode classify_list_answer(const hf::IpAddress& answer);

}  // namespace smtpgate
