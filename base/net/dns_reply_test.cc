// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "base/net/resolver.h"

using hf::DnsReply;
using hf::DnsStatus;
using hf::DnsType;
using namespace std::string_literals;

namespace {

constexpr int kA = 1, kCname = 5, kSoa = 6, kPtr = 12, kMx = 15, kTxt = 16, kAaaa = 28;

std::string u16(int value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string labels(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const size_t size = std::min(name.find('.'), name.size());
    wire += static_cast<char>(size);
    wire += name.substr(0, size);
    name.remove_prefix(std::min(size + 1, name.size()));
  }
  return wire + '\0';
}

std::string record(const std::string& owner, int type, uint32_t ttl_s, const std::string& data) {
  return owner + u16(type) + u16(1) + u16(static_cast<int>(ttl_s >> 16)) +
         u16(static_cast<int>(ttl_s & 0xffff)) + u16(static_cast<int>(data.size())) + data;
}

const std::string kOwner = "\xc0\x0c";  // the name in the question

/// A reply to a question about list.example.
std::string message(int rcode, int answers, int authorities, const std::string& records) {
  return u16(1) + u16(0x8180 | rcode) + u16(1) + u16(answers) + u16(authorities) + u16(0) +
         labels("list.example") + u16(kA) + u16(1) + records;
}

std::string soa(uint32_t ttl_s, int minimum_s) {
  return record(kOwner, kSoa, ttl_s,
                labels("ns.example") + labels("root.example") + std::string(16, '\1') + u16(0) +
                    u16(minimum_s));
}

DnsReply parse(const std::string& bytes, DnsType type = DnsType::kA) {
  return hf::parse_dns_reply(bytes, type);
}

}  // namespace

TEST_CASE("addresses, with the smallest TTL of the records") {
  const DnsReply v4 = parse(message(
      0, 2, 0, record(kOwner, kA, 300, "\x7f\0\0\x02"s) + record(kOwner, kA, 60, "\x7f\0\0\x04"s)));
  CHECK(v4.status == DnsStatus::kAnswer);
  CHECK(v4.ttl_s == 60);
  REQUIRE(v4.addresses.size() == 2);
  CHECK(v4.addresses[0].to_string() == "127.0.0.2");
  CHECK(v4.addresses[1].to_string() == "127.0.0.4");

  const auto v6 =
      parse(message(0, 1, 0, record(kOwner, kAaaa, 9, " \1\r\xb8"s + std::string(12, 0))),
            DnsType::kAaaa);
  REQUIRE(v6.addresses.size() == 1);
  CHECK(v6.addresses[0].to_string() == "2001:db8::");
}

TEST_CASE("the records at the end of a chain of aliases are the answer") {
  const DnsReply reply =
      parse(message(0, 2, 0,
                    record(kOwner, kCname, 20, labels("other.example")) +
                        record(labels("other.example"), kA, 300, "\x7f\0\0\x02"s)));
  REQUIRE(reply.addresses.size() == 1);
  CHECK(reply.ttl_s == 20);

  // A chain that ends at a name without such a record.
  const DnsReply dangling =
      parse(message(3, 1, 1, record(kOwner, kCname, 20, labels("other.example")) + soa(600, 900)));
  CHECK(dangling.status == DnsStatus::kNoData);
  CHECK(dangling.ttl_s == 20);
}

TEST_CASE("the strings of a TXT record are one text") {
  const DnsReply reply =
      parse(message(0, 2, 0,
                    record(kOwner, kTxt, 5, "\x03one\x04 two"s) + record(kOwner, kTxt, 5, "\0"s)),
            DnsType::kTxt);
  CHECK(reply.texts == std::vector<std::string>{"one two", ""});
}

TEST_CASE("names are read through compression, without the final dot") {
  const DnsReply reply =
      parse(message(0, 3, 0,
                    record(kOwner, kPtr, 5, "\4mail\xc0\x11"s) +
                        record(kOwner, kPtr, 5, labels("a.b")) + record(kOwner, kPtr, 5, "\0"s)),
            DnsType::kPtr);
  CHECK(reply.texts == std::vector<std::string>{"mail.example", "a.b", ""});
}

TEST_CASE("mail exchanges come by preference, those of one preference as they were sent") {
  const DnsReply reply = parse(message(0, 4, 0,
                                       record(kOwner, kMx, 5, u16(300) + "\4last\xc0\x11"s) +
                                           record(kOwner, kMx, 7, u16(10) + labels("b.example")) +
                                           record(kOwner, kMx, 9, u16(10) + labels("a.example")) +
                                           record(kOwner, kMx, 9, u16(0) + "\0"s)),
                               DnsType::kMx);
  CHECK(reply.texts == std::vector<std::string>{"", "b.example", "a.example", "last.example"});
  CHECK(reply.ttl_s == 5);
}

TEST_CASE("no byte of a label can pass for a dot between two") {
  const DnsReply reply =
      parse(message(0, 1, 0, record(kOwner, kPtr, 5, "\6a.b\\\n \3com\0"s)), DnsType::kPtr);
  REQUIRE(reply.texts.size() == 1);
  CHECK(reply.texts[0] == "a\\.b\\\\\\010\\032.com");
}

TEST_CASE("a denial lives as long as the zone says") {
  CHECK(parse(message(3, 0, 1, soa(600, 900))).status == DnsStatus::kNoData);
  CHECK(parse(message(3, 0, 1, soa(600, 900))).ttl_s == 600);
  CHECK(parse(message(0, 0, 1, soa(900, 60))).status == DnsStatus::kNoData);
  CHECK(parse(message(0, 0, 1, soa(900, 60))).ttl_s == 60);
  CHECK(parse(message(3, 0, 0, "")).status == DnsStatus::kNoData);
  CHECK(parse(message(3, 0, 0, "")).ttl_s == 0);
  CHECK(parse(message(3, 0, 1, soa(0x8000'0000, 60))).ttl_s == 0);
}

TEST_CASE("records of another type or class are no answer") {
  CHECK(parse(message(0, 1, 0, record(kOwner, kTxt, 5, "\1x"s))).status == DnsStatus::kNoData);
  std::string chaos = message(0, 1, 0, record(kOwner, kA, 5, "\x7f\0\0\x02"s));
  chaos[chaos.size() - 11] = 3;
  CHECK(parse(chaos).status == DnsStatus::kNoData);
}

TEST_CASE("error answers are failures") {
  for (int rcode : {1, 2, 4, 5, 9})
    CHECK(parse(message(rcode, 0, 0, "")).status == DnsStatus::kFailed);
}

TEST_CASE("malformed messages are failures") {
  const std::string good = message(0, 1, 0, record(kOwner, kA, 5, "\x7f\0\0\x02"s));
  REQUIRE(parse(good).status == DnsStatus::kAnswer);
  for (size_t size = 0; size < good.size(); ++size)
    CHECK(parse(good.substr(0, size)).status == DnsStatus::kFailed);

  std::string query = good;
  query[2] = 1;
  CHECK(parse(query).status == DnsStatus::kFailed);
  std::string truncated = good;
  truncated[2] |= 2;
  CHECK(parse(truncated).status == DnsStatus::kFailed);

  const auto fails = [](int type, const std::string& data) {
    return parse(message(0, 1, 0, record(kOwner, type, 5, data)), static_cast<DnsType>(type))
               .status == DnsStatus::kFailed;
  };
  CHECK(fails(kA, "\x7f\0\0"s));
  CHECK(fails(kA, "\x7f\0\0\2\0"s));
  CHECK(fails(kAaaa, std::string(15, '\0')));
  CHECK(fails(kTxt, "\5four"s));
  CHECK(fails(kPtr, "\4mail"s));
  CHECK(fails(kMx, "\0"s));
  CHECK(fails(kMx, "\0\1\1a"s));
  CHECK(fails(kPtr, "\1a\0x"s));
  CHECK(fails(kPtr, "\x41" + std::string(65, 'a') + '\0'));  // a label of 65 octets
  CHECK(parse(message(3, 0, 1, record(kOwner, kSoa, 5, std::string(19, '\0')))).status ==
        DnsStatus::kFailed);
}

TEST_CASE("a pointer may only lead back, and a name has a limit") {
  const auto ptr_reply = [](const std::string& data) {
    return parse(message(0, 1, 0, record(kOwner, kPtr, 5, data)), DnsType::kPtr);
  };
  // The data begin at octet 42: the header has 12, the question 18, the record before them 12.
  CHECK(ptr_reply("\xc0\x0c"s).texts == std::vector<std::string>{"list.example"});
  CHECK(ptr_reply("\xc0\x2a"s).status == DnsStatus::kFailed);     // to itself
  CHECK(ptr_reply("\1a\xc0\x2a"s).status == DnsStatus::kFailed);  // round and round
  CHECK(ptr_reply("\1a\xc0\x2c\xc0\x2a"s).status == DnsStatus::kFailed);
  CHECK(ptr_reply("\xc0\xff"s).status == DnsStatus::kFailed);  // outside the message

  std::string longest;
  for (int i = 0; i < 126; ++i) longest += "\1a";
  CHECK(ptr_reply(longest + '\0').texts.at(0).size() == 251);
  CHECK(ptr_reply(longest + "\1a\0"s).status == DnsStatus::kAnswer);  // 255 octets
  CHECK(ptr_reply(longest + "\2aa\0"s).status == DnsStatus::kFailed);
}

TEST_CASE("names to ask for") {
  const auto v4 = *hf::IpAddress::parse("192.0.2.99");
  const auto v6 = *hf::IpAddress::parse("2001:db8::567:89ab");
  CHECK(hf::list_query_name(v4, "bl.example") == "99.2.0.192.bl.example");
  CHECK(hf::reverse_name(v4) == "99.2.0.192.in-addr.arpa");
  CHECK(hf::reverse_name(v6) ==
        "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}
