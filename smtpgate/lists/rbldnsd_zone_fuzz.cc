// SPDX-License-Identifier: Apache-2.0
// Any bytes as a zone file in each format; what is listed must be found to be so.
#include <cstdint>
#include <string_view>

#include "base/core/result.h"
#include "smtpgate/lists/rbldnsd_zone.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using smtpgate::RbldnsdZone;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto format :
       {RbldnsdZone::Format::kIp4Set, RbldnsdZone::Format::kIp4Trie, RbldnsdZone::Format::kDnset}) {
    const auto zone = RbldnsdZone::parse(text, format, "fuzz");
    if (!zone) continue;
    for (const uint32_t address : {0U, 0x0a000000U, 0x7f000002U, 0xc0000201U, 0xffffffffU}) {
      const auto listing = zone->find(hf::IpAddress::v4(address));
      HF_CHECK(!listing || (!listing->answers.empty() && listing->text.size() <= 255),
               "a listing without an answer, or with a text beyond a DNS string");
    }
    zone->find_name(text.substr(0, 300));
    zone->find_name("a.example.com");
  }
  return 0;
}
