// SPDX-License-Identifier: Apache-2.0
// Any bytes as a list file; each entry that is read must be found, and survive being written.
#include <cstdint>
#include <string_view>

#include "base/core/result.h"
#include "smtpgate/lists/cidr_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using smtpgate::CidrList;
  const auto list =
      CidrList::parse(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!list) return 0;
  for (const CidrList::Entry& entry : list->entries()) {
    if (entry.until == 0)
      HF_CHECK(list->find(entry.prefix.address(), 0) != nullptr, "an entry is not found");
    const auto again = CidrList::parse(CidrList::format(entry), "again");
    HF_CHECK(again && again->size() == 1 && again->entries()[0].prefix == entry.prefix &&
                 again->entries()[0].until == entry.until,
             "an entry does not survive being written");
  }
  return 0;
}
