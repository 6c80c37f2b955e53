// SPDX-License-Identifier: Apache-2.0
// Any bytes as a provider's file; what is read must survive being written, and be found.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/result.h"
#include "smtpgate/spf/provider_nets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smtpgate;
  const auto nets =
      parse_provider_nets(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!nets) return 0;
  const auto again = parse_provider_nets(format_provider_nets(*nets), "again");
  HF_CHECK(again && again->provider == nets->provider && again->fetched == nets->fetched &&
               again->networks == nets->networks,
           "a file does not survive being written");
  const ProviderTable table({&*nets, 1});
  for (const hf::IpPrefix& network : nets->networks)
    HF_CHECK(!table.find(network.address()).empty(), "a network is not found");
  return 0;
}
