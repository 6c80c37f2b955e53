// SPDX-License-Identifier: Apache-2.0
// A reverse name and an SPF domain as a stranger's DNS may give them, for any address.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "base/core/result.h"
#include "smtpgate/grey/record.h"
#include "smtpgate/grey/scope.h"

using namespace smtpgate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::array<uint8_t, 16> address{};
  if (size < address.size()) return 0;
  std::copy_n(data, address.size(), address.begin());
  const auto client = hf::IpAddress::v6(address);  // an IPv4 one if it is mapped
  const std::string_view name(reinterpret_cast<const char*>(data) + address.size(),
                              size - address.size());
  const auto scopes = scopes_of(client, name, name);
  HF_CHECK(!scopes.empty() && scopes.back() == network_scope(client), "no network");
  for (size_t i = 0; i + 1 < scopes.size(); ++i)
    HF_CHECK(kind_of(scopes[i]) < kind_of(scopes[i + 1]), "scopes out of order");
  HF_CHECK(registered_domain(name).size() <= name.size(), "a domain longer than its name");
  return 0;
}
