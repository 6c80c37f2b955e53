// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/history/record.h"

#include <limits>
#include <string>
#include <unordered_set>

#include <doctest/doctest.h>

using hf::IpAddress;
using smtpgate::decode_record;
using smtpgate::encode;
using smtpgate::Fault;
using smtpgate::HistoryKey;
using smtpgate::HistoryRecord;

namespace {

HistoryKey key_of(const char* address) {
  return HistoryKey::of(IpAddress::parse(address).value());
}

HistoryRecord sample() {
  HistoryRecord record;
  record.first_seen = 0x04030201;
  record.last_seen = 0x08070605;
  record.connections = 0x0c0b0a09;
  record.handoffs = 0x100f0e0d;
  for (uint16_t i = 0; i < smtpgate::kFaults; ++i)
    record.faults[i] = static_cast<uint16_t>(0x1211 + 0x0202 * i);
  record.pregreet_pass_until = 0x2221201f;
  record.dns_pass_until = std::numeric_limits<uint32_t>::max();
  record.last_decided = 1;
  record.last_verdict = 0xfe;
  record.last_reason = 0x80;
  record.last_score = -2;
  return record;
}

std::string_view view(const auto& bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

TEST_CASE("a record's bytes are its fields in order, little-endian") {
  const auto bytes = encode(sample());
  // Up to pregreet_pass_until the sample counts through every byte.
  for (size_t i = 0; i < 34; ++i) CHECK(bytes[i] == static_cast<char>(i + 1));
  CHECK(std::string(view(bytes).substr(34)) ==
        std::string("\xff\xff\xff\xff\x01\x00\x00\x00\xfe\x80\xfe\xff", 12));
}

TEST_CASE("what is encoded is decoded") {
  CHECK(decode_record(view(encode(HistoryRecord{}))) == HistoryRecord{});
  CHECK(decode_record(view(encode(sample()))) == sample());
  HistoryRecord lowest;
  lowest.last_score = std::numeric_limits<int16_t>::min();
  CHECK(decode_record(view(encode(lowest))) == lowest);
}

TEST_CASE("bytes of another length are not a record") {
  const std::string bytes(view(encode(sample())));
  CHECK(!decode_record(""));
  CHECK(!decode_record(std::string_view(bytes).substr(1)));
  CHECK(!decode_record(bytes + '\0'));
}

TEST_CASE("refusals are all faults but hang-ups") {
  HistoryRecord record;
  record.faults.fill(std::numeric_limits<uint16_t>::max());
  CHECK(record.refusals() == 6 * 65'535);
  record.faults[static_cast<size_t>(Fault::kPregreet)] = 0;
  CHECK(record.refusals() == 5 * 65'535);
  record.faults[static_cast<size_t>(Fault::kHangup)] = 0;
  CHECK(record.refusals() == 5 * 65'535);
}

TEST_CASE("a client is an IPv4 address or an IPv6 /64") {
  CHECK(key_of("192.0.2.1").view() == std::string_view("\xc0\x00\x02\x01", 4));
  CHECK(key_of("::ffff:192.0.2.1") == key_of("192.0.2.1"));
  CHECK(key_of("192.0.2.1") != key_of("192.0.2.2"));
  CHECK(key_of("2001:db8:0:1::1") == key_of("2001:db8:0:1:ffff::2"));
  CHECK(key_of("2001:db8:0:1::1") != key_of("2001:db8:0:2::1"));
  CHECK(key_of("192.0.2.1").to_string() == "192.0.2.1");
  CHECK(key_of("2001:db8:0:1::1").to_string() == "2001:db8:0:1::/64");
}

TEST_CASE("a key is read back from its bytes, and from nothing else") {
  for (const char* address : {"0.0.0.0", "192.0.2.255", "::1", "2001:db8::"})
    CHECK(HistoryKey::decode(key_of(address).view()) == key_of(address));
  for (const char* bytes : {"", "abc", "abcde", "abcdefg", "abcdefghi"})
    CHECK(!HistoryKey::decode(bytes));
}

TEST_CASE("an IPv4 key and the IPv6 key that begins like it differ, and sort as their bytes do") {
  const HistoryKey v4 = key_of("32.1.13.184"), v6 = key_of("2001:db8::1");
  CHECK(v4 != v6);
  CHECK(v4 < v6);
  CHECK(std::hash<HistoryKey>()(v4) != std::hash<HistoryKey>()(v6));
  CHECK(key_of("32.1.13.185") > v6);
}

TEST_CASE("neighbouring addresses spread over hash buckets") {
  constexpr uint32_t kKeys = 4096;
  std::unordered_set<size_t> buckets;
  for (uint32_t i = 0; i < kKeys; ++i) {
    const HistoryKey key = HistoryKey::of(IpAddress::v4(0x0a000000 + i));
    buckets.insert(std::hash<HistoryKey>()(key) % kKeys);
  }
  // A random function would fill 1 - 1/e of the buckets: 2589.
  CHECK(buckets.size() > 2300);
}
