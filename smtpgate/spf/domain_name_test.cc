// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/domain_name.h"

#include <string>

#include <doctest/doctest.h>

using namespace smtpgate;

TEST_CASE("what the DNS can be asked about") {
  const std::string label(63, 'a');
  for (const std::string& good : {std::string("a"), std::string("_dmarc.a-b.example"), label,
                                  label + "." + label + "." + label + "." + label.substr(2)})
    CHECK_MESSAGE(is_domain_name(good), good);
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".a"), std::string("a."), std::string("a..b"),
        label + "a", label + "." + label + "." + label + "." + label.substr(1),
        std::string("a\\.b"), std::string("a\tb"), std::string("caf\xc3\xa9.example")})
    CHECK_MESSAGE(!is_domain_name(bad), bad);
}

TEST_CASE("a top-level domain alone is not enough for SPF") {
  CHECK(is_multi_label_name("example.com"));
  CHECK_FALSE(is_multi_label_name("localhost"));
  CHECK_FALSE(is_multi_label_name("example."));
}

TEST_CASE("within a domain are itself and what is below it") {
  CHECK(is_within_domain("example.com", "example.com"));
  CHECK(is_within_domain("a.example.com", "example.com"));
  CHECK_FALSE(is_within_domain("badexample.com", "example.com"));
  CHECK_FALSE(is_within_domain("com", "example.com"));
}
