// SPDX-License-Identifier: Apache-2.0
#include "base/net/resolver.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace hf {

namespace {

constexpr uint16_t kClassIn = 1, kTypeCname = 5, kTypeSoa = 6;
constexpr uint16_t kFlagResponse = 0x8000, kFlagTruncated = 0x0200, kRcodeMask = 0x000f;
constexpr uint16_t kRcodeNoError = 0, kRcodeNxDomain = 3;
constexpr size_t kMaxNameOctets = 255;  // RFC 1035 §2.3.4

/// Walks over a message. Once a read would leave the message, that and every further read gives
/// zero and ok() is false, so that callers check once per record.
class MessageReader {
 public:
  explicit MessageReader(std::string_view message) : message_(message) {}

  bool ok() const { return ok_; }
  size_t position() const { return at_; }

  std::string_view take(size_t size) {
    if (!ok_ || size > message_.size() - at_) {
      ok_ = false;
      return {};
    }
    at_ += size;
    return message_.substr(at_ - size, size);
  }

  uint8_t u8() {
    const auto byte = take(1);
    return byte.empty() ? 0 : static_cast<uint8_t>(byte[0]);
  }
  uint16_t u16() {
    const unsigned high = u8();
    return static_cast<uint16_t>(high << 8 | u8());
  }
  uint32_t u32() {
    const uint32_t high = u16();
    return high << 16 | u16();
  }

  /// A domain name in presentation form (RFC 1035 §5.1) without the final dot: a dot inside a label
  /// comes out escaped, so that no label can pass for two.
  std::string name() {
    std::string text;
    size_t octets = 0, end = 0;  // `end`: where the record goes on after the first pointer
    size_t piece = at_;
    while (const uint8_t length = u8()) {
      if (length >= 0xc0) {
        const size_t target = static_cast<size_t>(length & 0x3f) << 8 | u8();
        if (end == 0) end = at_;
        // Each pointer leads to before the piece it ends, so that the walk ends too.
        if (target >= piece) ok_ = false;
        if (!ok_) return {};
        at_ = piece = target;
        continue;
      }
      octets += length + 1u;
      if (length > 63 || octets >= kMaxNameOctets) ok_ = false;
      if (!text.empty()) text += '.';
      append_label(text, take(length));
    }
    if (end != 0) at_ = end;
    return text;
  }

  void skip_name() {
    while (const uint8_t length = u8()) {
      if (length >= 0xc0) return static_cast<void>(u8());
      if (length > 63) ok_ = false;
      take(length);
    }
  }

 private:
  static void append_label(std::string& text, std::string_view label) {
    for (const char c : label) {
      if (c == '.' || c == '\\')
        text += {'\\', c};
      else if (c > ' ' && c <= '~')
        text += c;
      else
        text += fmt::format("\\{:03}", static_cast<unsigned char>(c));
    }
  }

  std::string_view message_;
  size_t at_ = 0;
  bool ok_ = true;
};

/// The fixed part of a resource record (RFC 1035 §4.1.3).
struct RecordHeader {
  uint16_t type, dns_class;
  uint32_t ttl_s;
  uint16_t data_size;
};

RecordHeader read_record_header(MessageReader& in) {
  in.skip_name();
  RecordHeader header{};
  header.type = in.u16();
  header.dns_class = in.u16();
  header.ttl_s = in.u32();
  if (header.ttl_s > 0x7fff'ffff) header.ttl_s = 0;  // RFC 2181 §8
  header.data_size = in.u16();
  return header;
}

using Exchanges = std::multimap<uint16_t, std::string>;  // by preference, else as they were sent

// Reads the data of a record of the type asked for; false if they do not fill `data_size` exactly.
bool read_data(MessageReader& in, DnsType type, size_t data_size, DnsReply& reply,
               Exchanges& exchanges) {
  const size_t end = in.position() + data_size;
  switch (type) {
    case DnsType::kA: reply.addresses.push_back(IpAddress::v4(in.u32())); break;
    case DnsType::kAaaa: {
      std::array<uint8_t, 16> bytes{};
      std::ranges::copy(in.take(bytes.size()), bytes.begin());
      reply.addresses.push_back(IpAddress::v6(bytes));
      break;
    }
    case DnsType::kPtr: reply.texts.push_back(in.name()); break;
    case DnsType::kMx: {
      const uint16_t preference = in.u16();
      exchanges.emplace(preference, in.name());
      break;
    }
    case DnsType::kTxt:
      for (std::string& text = reply.texts.emplace_back(); in.ok() && in.position() < end;)
        text += in.take(in.u8());
      break;
  }
  return in.ok() && in.position() == end;
}

// RFC 2308 §5. Without an SOA record nothing says how long the answer holds: not at all.
bool read_negative_ttl(MessageReader& in, uint16_t records, DnsReply& reply) {
  for (; records > 0; --records) {
    const RecordHeader header = read_record_header(in);
    const std::string_view data = in.take(header.data_size);
    if (!in.ok()) return false;
    if (header.type != kTypeSoa || header.dns_class != kClassIn) continue;
    if (data.size() < 20) return false;
    MessageReader minimum(data.substr(data.size() - 4));
    reply.ttl_s = std::min(header.ttl_s, minimum.u32());
    return true;
  }
  return true;
}

}  // namespace

DnsReply parse_dns_reply(std::string_view message, DnsType type) {
  MessageReader in(message);
  in.u16();  // the identifier is the resolver's business
  const uint16_t flags = in.u16();
  const uint16_t questions = in.u16(), answers = in.u16(), authorities = in.u16();
  in.u16();
  const uint16_t rcode = flags & kRcodeMask;
  const bool whole = (flags & (kFlagResponse | kFlagTruncated)) == kFlagResponse;
  if (!in.ok() || !whole || (rcode != kRcodeNoError && rcode != kRcodeNxDomain)) return {};

  for (uint16_t i = 0; i < questions && in.ok(); ++i) {
    in.skip_name();
    in.u32();
  }

  DnsReply reply;
  Exchanges exchanges;
  uint32_t ttl_s = UINT32_MAX;
  for (uint16_t i = 0; i < answers; ++i) {
    const RecordHeader header = read_record_header(in);
    const bool asked_for =
        header.dns_class == kClassIn && header.type == static_cast<uint16_t>(type);
    // A resolver sends along the chain of aliases; whose record it is at its end does not matter.
    if (asked_for || header.type == kTypeCname) ttl_s = std::min(ttl_s, header.ttl_s);
    if (asked_for) {
      if (!read_data(in, type, header.data_size, reply, exchanges)) return {};
    } else {
      in.take(header.data_size);
    }
    if (!in.ok()) return {};
  }
  if (!in.ok()) return {};
  for (auto& [preference, name] : exchanges) reply.texts.push_back(std::move(name));

  if (rcode == kRcodeNoError && !(reply.addresses.empty() && reply.texts.empty())) {
    reply.status = DnsStatus::kAnswer;
    reply.ttl_s = ttl_s;
    return reply;
  }
  DnsReply negative;
  negative.status = DnsStatus::kNoData;
  if (!read_negative_ttl(in, authorities, negative)) return {};
  negative.ttl_s = std::min(negative.ttl_s, ttl_s);
  return negative;
}

std::string list_query_name(const IpAddress& address, std::string_view zone) {
  if (address.is_v4()) {
    const uint32_t bits = address.v4_bits();
    return fmt::format("{}.{}.{}.{}.{}", bits & 0xff, bits >> 8 & 0xff, bits >> 16 & 0xff,
                       bits >> 24, zone);
  }
  constexpr char kHex[] = "0123456789abcdef";
  std::string name;
  name.reserve(64 + zone.size());
  const auto& bytes = address.bytes();
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte)
    name += {kHex[*byte & 0xf], '.', kHex[*byte >> 4], '.'};
  return name += zone;
}

std::string reverse_name(const IpAddress& address) {
  return list_query_name(address, address.is_v4() ? "in-addr.arpa" : "ip6.arpa");
}

}  // namespace hf
