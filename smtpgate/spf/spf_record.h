// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/net/ip.h"

namespace smtpgate {

/// RFC 7208 §2.6.
enum class SpfResult : uint8_t {
  kNone,       // no record, or no domain that could have one
  kNeutral,    // the domain says nothing about this client
  kPass,       // the client may send for the domain
  kFail,       // it may not
  kSoftFail,   // it probably may not
  kTempError,  // the DNS gave no answer
  kPermError,  // the domain's records are wrong
};
/// "none", "neutral", …: as Received-SPF and Authentication-Results have it.
std::string_view name_of(SpfResult result);

/// One mechanism with its qualifier (RFC 7208 §5).
struct SpfMechanism {
  enum class Kind : uint8_t { kAll, kInclude, kA, kMx, kPtr, kIp4, kIp6, kExists };

  Kind kind = Kind::kAll;
  SpfResult result = SpfResult::kPass;  // of a match, as the qualifier says
  std::string domain;                   // domain-spec, macros in it; empty: the record's domain
  int v4_length = 32, v6_length = 128;  // of a and mx
  // Of ip4 and ip6. Nothing in an ip6 of a mapped IPv4 address: such clients count as IPv4.
  std::optional<hf::IpPrefix> network;
};

struct SpfRecord {
  std::vector<SpfMechanism> mechanisms;
  std::string redirect;  // domain-spec, macros in it; empty: none
};

/// Whether a TXT record is about SPF at all: it begins with the version "v=spf1" (RFC 7208 §4.5).
bool is_spf_record(std::string_view text);

/// Reads a record for which is_spf_record() is true (RFC 7208 §12). The whole of it is checked; an
/// error names the term and what is wrong with it. `exp` and unknown modifiers are checked and
/// dropped: nobody is told an explanation.
hf::Result<SpfRecord> parse_spf_record(std::string_view text);

}  // namespace smtpgate
