// SPDX-License-Identifier: Apache-2.0
// The first byte chooses the type asked for, the rest is the message.
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "base/core/result.h"
#include "base/net/resolver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr hf::DnsType kTypes[] = {hf::DnsType::kA, hf::DnsType::kPtr, hf::DnsType::kTxt,
                                    hf::DnsType::kAaaa, hf::DnsType::kMx};
  const hf::DnsType type = kTypes[data[0] % std::size(kTypes)];
  const bool names = type == hf::DnsType::kPtr || type == hf::DnsType::kMx;
  const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const hf::DnsReply reply = hf::parse_dns_reply(message, type);

  const bool has_records = !reply.addresses.empty() || !reply.texts.empty();
  HF_CHECK(has_records == (reply.status == hf::DnsStatus::kAnswer), "records only in an answer");
  size_t bytes = reply.addresses.size();
  for (const auto& text : reply.texts) {
    // A name may be compressed, but is bounded: 255 octets of up to four characters each.
    HF_CHECK(text.size() <= (names ? 1020 : message.size()), "text out of bounds");
    ++bytes;
  }
  HF_CHECK(bytes <= message.size() / 11, "more records than the message has room for");
  return 0;
}
