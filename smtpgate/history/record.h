// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/net/ip.h"

namespace smtpgate {

/// What a refusal or failure was for, as history counts it. Stored as an index: append only.
enum class Fault : uint8_t { kPregreet, kListed, kDenied, kLimited, kHangup, kProtocol, kOther };
inline constexpr size_t kFaults = 7;
std::string_view name_of(Fault fault);

/// What is remembered of one client: an IPv4 address or an IPv6 /64.
/// On disk it is exactly this, little-endian and packed, 46 bytes (docs/formats.md).
struct HistoryRecord {
  uint32_t first_seen = 0;  // unix seconds
  uint32_t last_seen = 0;
  uint32_t connections = 0;  // saturating, as all counters here
  uint32_t handoffs = 0;
  std::array<uint16_t, kFaults> faults{};  // by Fault
  uint32_t pregreet_pass_until = 0;        // unix seconds: the early-talker test holds until then
  uint32_t dns_pass_until = 0;             // … and the DNS lists' verdict
  uint32_t last_decided = 0;               // when the last verdict fell
  uint8_t last_verdict = 0;                // policy's Action
  uint8_t last_reason = 0;                 // policy's Reason
  int16_t last_score = 0;

  bool operator==(const HistoryRecord&) const = default;
  uint64_t refusals() const;  // sum of faults but hang-ups
};

inline constexpr size_t kHistoryRecordBytes = 46;
std::array<char, kHistoryRecordBytes> encode(const HistoryRecord& record);
/// nullopt: not a record of this format.
std::optional<HistoryRecord> decode_record(std::string_view bytes);

/// The store's key: 4 octets of an IPv4 address, or the first 8 of an IPv6 address.
struct HistoryKey {
  std::array<uint8_t, 8> bytes{};
  uint8_t size = 0;

  static HistoryKey of(const hf::IpAddress& address);
  static std::optional<HistoryKey> decode(std::string_view bytes);
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), size}; }
  /// "192.0.2.1" or "2001:db8::/64".
  std::string to_string() const;
  auto operator<=>(const HistoryKey&) const = default;
};

}  // namespace smtpgate

template <>
struct std::hash<smtpgate::HistoryKey> {
  size_t operator()(const smtpgate::HistoryKey& key) const noexcept;
};
