// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/proxy_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smtpgate;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_proxy_header(bytes);
  if (!parsed) return 0;
  if (!*parsed) {
    HF_CHECK(size < kProxyV2Limit, "a header that never ends");
    return 0;
  }
  const ProxyHeader& header = **parsed;
  HF_CHECK(header.length > 0 && header.length <= size, "longer than the input");
  HF_CHECK(header.length <= kProxyV2Limit, "longer than the limit");
  for (size_t n = 0; n < header.length; ++n) {
    const auto cut = parse_proxy_header(bytes.substr(0, n));
    HF_CHECK(cut && !*cut, "a part of a header is no header and no error");
  }
  if (header.local) return 0;
  for (const std::string& made : {make_proxy_v1(header.source, header.destination),
                                  make_proxy_v2(header.source, header.destination)}) {
    const auto again = parse_proxy_header(made);
    HF_CHECK(again && *again && (*again)->length == made.size(), "what we write can be read");
    HF_CHECK((*again)->source == header.source, "the client survives");
    HF_CHECK((*again)->destination == header.destination, "the server survives");
  }
  return 0;
}
