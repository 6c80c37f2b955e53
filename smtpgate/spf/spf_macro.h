// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/net/ip.h"

namespace smtpgate {

/// What the macro letters of an SPF record stand for (RFC 7208 §7.2).
struct SpfMacroValues {
  std::string_view local_part;      // l, and s with the next
  std::string_view sender_domain;   // o
  std::string_view domain;          // d: the domain whose record is being evaluated
  std::string_view helo;            // h
  std::string_view validated_name;  // p: "unknown" if the client has none
  hf::IpAddress client;             // i and v
};

/// Whether `text` is a macro-string (RFC 7208 §7.1); an error says what is wrong with it. The
/// letters c, r and t are for explanations, which nothing here expands, so they are errors.
hf::Result<void> check_macro_string(std::string_view text);

/// Whether `text` is a domain-spec: a macro-string that ends in a macro or in a label that can be
/// that of a top-level domain.
hf::Result<void> check_domain_spec(std::string_view text);

/// Whether expanding `spec`, which check_domain_spec() accepts, needs `validated_name`.
bool uses_validated_name(std::string_view spec);

/// Expands `spec`, which check_domain_spec() accepts: in lower case, without a final dot, and
/// without the leftmost labels that exceed 253 octets (RFC 7208 §7.3). What comes out need not be
/// a domain name, as senders choose what goes in.
std::string expand_domain_spec(std::string_view spec, const SpfMacroValues& values);

}  // namespace smtpgate
