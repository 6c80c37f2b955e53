// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/net/ip.h"

namespace hf {

class Loop;

enum class DnsType : uint16_t { kA = 1, kPtr = 12, kMx = 15, kTxt = 16, kAaaa = 28 };

enum class DnsStatus : uint8_t {
  kAnswer,     // at least one record of the type asked for
  kNoData,     // NXDOMAIN, or the name exists without such a record
  kFailed,     // SERVFAIL, REFUSED, malformed, or another error answer
  kTimeout,    // no answer in time
};

/// Whether nothing is known for want of an answer.
inline bool failed(DnsStatus status) {
  return status == DnsStatus::kFailed || status == DnsStatus::kTimeout;
}

/// What came back for one question.
struct DnsReply {
  DnsStatus status = DnsStatus::kFailed;
  uint32_t ttl_s = 0;               // smallest of the records', or the negative TTL (RFC 2308 §5)
  std::vector<IpAddress> addresses; // of A and AAAA
  std::vector<std::string> texts;   // TXT: joined strings; PTR, MX (by preference): no final dot
};

/// The seam to the DNS. A resolver belongs to one loop and is used on its thread only.
class Resolver {
 public:
  using Callback = std::function<void(const DnsReply&)>;

  virtual ~Resolver() = default;
  /// Calls `done` exactly once, later, never from inside ask(), unless the resolver is destroyed
  /// first, which drops all that is under way. A `name` that is no domain name (RFC 1035 §2.3.4) is
  /// answered with kFailed without asking anybody.
  virtual void ask(std::string_view name, DnsType type, Callback done) = 0;
};

struct ResolverOptions {
  std::vector<Endpoint> servers;   // empty: those of /etc/resolv.conf
  uint32_t timeout_ms = 3000;      // for the whole question
  uint32_t retransmit_ms = 500;    // before the same question is sent again, then doubling
};

/// A resolver over c-ares on `loop`, which must outlive it. It has no cache.
Result<std::unique_ptr<Resolver>> make_cares_resolver(Loop& loop, const ResolverOptions& options);

/// Reads a DNS message that answers a question of `type` (RFC 1035 §4.1). Any malformed message
/// gives kFailed; never reads outside `message`.
DnsReply parse_dns_reply(std::string_view message, DnsType type);

/// The name to ask a DNS list about `address` (RFC 5782 §2.1 and §2.4): reversed octets or nibbles,
/// then `zone`.
std::string list_query_name(const IpAddress& address, std::string_view zone);
/// The name to ask for a PTR record: in-addr.arpa or ip6.arpa.
std::string reverse_name(const IpAddress& address);

}  // namespace hf
