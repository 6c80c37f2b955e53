// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/history/record.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/net/ip.h"

namespace smtpgate {
namespace {

// Encoder and decoder walk the fields in one and the same order, which is the format.
template <class Record, class Visit>
void for_each_field(Record& record, Visit&& visit) {
  visit(record.first_seen);
  visit(record.last_seen);
  visit(record.connections);
  visit(record.handoffs);
  for (auto& count : record.faults) visit(count);
  visit(record.pregreet_pass_until);
  visit(record.dns_pass_until);
  visit(record.last_decided);
  visit(record.last_verdict);
  visit(record.last_reason);
  visit(record.last_score);
}

}  // namespace

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::kPregreet: return "pregreet";
    case Fault::kListed: return "listed";
    case Fault::kDenied: return "denied";
    case Fault::kLimited: return "limited";
    case Fault::kHangup: return "hangup";
    case Fault::kProtocol: return "protocol";
    case Fault::kOther: break;
  }
  return "other";
}

uint64_t HistoryRecord::refusals() const {
  uint64_t sum = 0;
  for (const uint16_t count : faults) sum += count;
  return sum - faults[static_cast<size_t>(Fault::kHangup)];
}

std::array<char, kHistoryRecordBytes> encode(const HistoryRecord& record) {
  std::array<char, kHistoryRecordBytes> bytes;
  size_t at = 0;
  for_each_field(record, [&](auto value) {
    const auto bits = static_cast<std::make_unsigned_t<decltype(value)>>(value);
    for (size_t i = 0; i < sizeof bits; ++i)
      bytes[at++] = static_cast<char>(static_cast<uint32_t>(bits) >> 8 * i);
  });
  return bytes;
}

std::optional<HistoryRecord> decode_record(std::string_view bytes) {
  if (bytes.size() != kHistoryRecordBytes) return std::nullopt;
  HistoryRecord record;
  size_t at = 0;
  for_each_field(record, [&](auto& value) {
    uint32_t bits = 0;
    for (size_t i = 0; i < sizeof value; ++i)
      bits |= uint32_t{static_cast<uint8_t>(bytes[at++])} << 8 * i;
    value = static_cast<std::remove_reference_t<decltype(value)>>(bits);
  });
  return record;
}

HistoryKey HistoryKey::of(const hf::IpAddress& address) {
  const auto& octets = address.bytes();
  HistoryKey key;
  if (address.is_v4()) {
    key.size = 4;
    std::copy_n(octets.end() - 4, 4, key.bytes.begin());
  } else {
    key.size = 8;
    std::copy_n(octets.begin(), 8, key.bytes.begin());
  }
  return key;
}

std::optional<HistoryKey> HistoryKey::decode(std::string_view bytes) {
  if (bytes.size() != 4 && bytes.size() != 8) return std::nullopt;
  HistoryKey key;
  key.size = static_cast<uint8_t>(bytes.size());
  std::memcpy(key.bytes.data(), bytes.data(), bytes.size());
  return key;
}

std::string HistoryKey::to_string() const {
  if (size == 4) {
    const uint32_t bits = uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 |
                          uint32_t{bytes[2]} << 8 | uint32_t{bytes[3]};
    return hf::IpAddress::v4(bits).to_string();
  }
  std::array<uint8_t, 16> octets{};
  std::ranges::copy(bytes, octets.begin());
  return hf::IpPrefix(hf::IpAddress::v6(octets), 64).to_string();
}

}  // namespace smtpgate

// One multiplication, its halves folded together so that every bit of the key reaches the low bits.
size_t std::hash<smtpgate::HistoryKey>::operator()(const smtpgate::HistoryKey& key) const noexcept {
  uint64_t word;
  std::memcpy(&word, key.bytes.data(), sizeof word);
  const auto product = static_cast<unsigned __int128>(word + key.size) * 0x9e3779b97f4a7c15;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}
