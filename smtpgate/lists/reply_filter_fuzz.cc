// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string_view>

#include "base/core/result.h"
#include "smtpgate/lists/reply_filter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smtpgate;
  const auto rule = parse_list_rule(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!rule) return 0;
  HF_CHECK(!rule->zone.empty() && !rule->zone.ends_with('.'), "a zone that no one can ask");
  if (rule->filter_text.empty()) {
    HF_CHECK(rule->filter.matches(hf::IpAddress::v4(0x7f000002)), "no filter takes every listing");
  } else {
    const auto filter = ReplyFilter::parse(rule->filter_text);
    HF_CHECK(filter, "a filter that was accepted is refused alone");
  }
  return 0;
}
