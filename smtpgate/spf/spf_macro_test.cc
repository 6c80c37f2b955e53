// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/spf_macro.h"

#include <doctest/doctest.h>

using namespace smtpgate;

namespace {

const char* const kV4 = "192.0.2.3";
const char* const kV6 = "2001:db8::cb01";

std::string expand(std::string_view spec, const char* client = kV4,
                   std::string_view local_part = "strong-bad") {
  INFO(spec);
  REQUIRE(check_domain_spec(spec));
  return expand_domain_spec(spec,
                            {local_part, "email.example.com", "list.example.com", "MX.Example.org",
                             "mx.example.net", *hf::IpAddress::parse(client)});
}

std::string error_of(const hf::Result<void>& result) {
  return result ? "none" : result.error().message;
}

}  // namespace

TEST_CASE("each letter stands for its value") {
  CHECK(expand("%{s}") == "strong-bad@email.example.com");
  CHECK(expand("%{l}") == "strong-bad");
  CHECK(expand("%{o}") == "email.example.com");
  CHECK(expand("%{d}") == "list.example.com");
  CHECK(expand("%{h}") == "mx.example.org");
  CHECK(expand("%{p}") == "mx.example.net");
  CHECK(expand("%{i}") == "192.0.2.3");
  CHECK(expand("%{v}") == "in-addr");
  CHECK(expand("%{v}", kV6) == "ip6");
  CHECK(expand("%{i}", kV6) == "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.c.b.0.1");
}

TEST_CASE("parts are reversed first, and then counted from the right") {
  CHECK(expand("%{d4}") == "list.example.com");
  CHECK(expand("%{d3}") == "list.example.com");
  CHECK(expand("%{d2}") == "example.com");
  CHECK(expand("%{d1}") == "com");
  CHECK(expand("%{d01}") == "com");
  CHECK(expand("%{dr}") == "com.example.list");
  CHECK(expand("%{d2r}") == "example.list");
  CHECK(expand("%{DR}") == "com.example.list");
  CHECK(expand("%{d99999999999999999999}") == "list.example.com");
}

TEST_CASE("a value is split at the delimiters given, and joined by dots") {
  CHECK(expand("%{l}", kV4, "a.b-c") == "a.b-c");
  CHECK(expand("%{l-}", kV4, "a.b-c") == "a.b.c");
  CHECK(expand("%{lr-}") == "bad.strong");
  CHECK(expand("%{l1r-}") == "strong");
  CHECK(expand("%{l1r+-/}", kV4, "user+tag/x-y") == "user");
  CHECK(expand("%{lr,_=}", kV4, "a,b_c=d") == "d.c.b.a");
  CHECK(expand("%{lr-}", kV4, "-a-b-") == ".b.a");  // no final dot
}

TEST_CASE("the examples of RFC 7208 §7.4, on our values") {
  CHECK(expand("%{ir}.%{v}._spf.%{d2}") == "3.2.0.192.in-addr._spf.example.com");
  CHECK(expand("%{lr-}.lp._spf.%{d2}") == "bad.strong.lp._spf.example.com");
  CHECK(expand("%{d2}.trusted-domains.example.net") == "example.com.trusted-domains.example.net");
  CHECK(expand("%{ir}.%{v}._spf.%{d2}", kV6) ==
        "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com");
}

TEST_CASE("an upper case letter escapes what a URL may not hold") {
  CHECK(expand("%{L}.example", kV4, "a b~c_d%") == "a%20b~c_d%25.example");
  CHECK(expand("%{L}.example", kV4, "J\xc3\xb6rg") == "j%c3%b6rg.example");
  CHECK(expand("%{S}.example") == "strong-bad%40email.example.com.example");
}

TEST_CASE("percent signs and blanks") {
  CHECK(expand("a%%b.example") == "a%b.example");
  CHECK(expand("a%_b.example") == "a b.example");
  CHECK(expand("a%-b.example") == "a%20b.example");
  CHECK(expand("example.%%") == "example.%");
}

TEST_CASE("a name that is too long loses labels at its left") {
  const std::string label(60, 'x');
  const std::string four = label + "." + label + "." + label + "." + label;  // 243 octets
  CHECK(expand(four + ".example.com") == four.substr(61) + ".example.com");  // 255 are too many
  CHECK(expand(four + ".exampl.com") == four.substr(61) + ".exampl.com");    // 254 too
  CHECK(expand(four + ".examp.com") == four + ".examp.com");                 // 253 are not
  CHECK(expand(four + ".examp.com.") == four + ".examp.com");
  CHECK(expand("%{l}.example.com", kV4, std::string(300, 'y')) == "example.com");
  CHECK(expand("%{l}", kV4, std::string(300, 'y')).size() == 300);

  std::string mania;
  for (int i = 0; i < 10'000; ++i) mania += "%{d}.";
  CHECK(expand(mania + "%{d}").size() == 15 * 17 - 1 - 5);  // 15 times, but for the first "list."
}

TEST_CASE("what is no macro is an error, which says why") {
  CHECK(error_of(check_macro_string("%{x}")) ==
        "macro %{x}: its letter must be one of s l o d i p h v");
  CHECK(error_of(check_macro_string("%{}")) == "macro %{}: it has no letter");
  CHECK(error_of(check_macro_string("%{d0}")) == "macro %{d0}: it keeps no part");
  CHECK(error_of(check_macro_string("%{d2x}")) ==
        "macro %{d2x}: after its letter may come a number, an r, and delimiters of "
        ". - + , / _ =");
  const std::string percent = ": a % must begin one of %{letter} %% %_ %-";
  for (const std::string text : {"%", "%a", "%{d", "%(d)"})
    CHECK(error_of(check_macro_string("x." + text)) == "\"" + text + "\"" + percent);
  for (const char* letter : {"%{c}", "%{r}", "%{t}", "%{1}", "%{-}", "%{dr2}", "%{d-2}"})
    CHECK_FALSE(check_macro_string(letter));
  CHECK(error_of(check_macro_string("a\tb")) ==
        "\"a\\x09b\" has characters that may not stand there");
  CHECK_FALSE(check_macro_string("caf\xc3\xa9"));
  CHECK(check_macro_string(""));
}

TEST_CASE("a domain-spec ends like a domain name, or in a macro") {
  for (const std::string good : {"example.com", "example.com.", "a:b/c.example", "x.museum-2",
                                 "x.1a", "%{d}", "example.%{h}", "%{d}.com", "a.%_", "-.x"})
    CHECK_MESSAGE(check_domain_spec(good), good);
  for (const std::string bad :
       {"example", "example.", "%{d}com", "example.1", "example.-a", "example.a-", "example..",
        "example.com/", "example.a_b", ".", "example.com:25"})
    CHECK_MESSAGE(
        error_of(check_domain_spec(bad)) == "\"" + bad + "\" does not end like a domain name", bad);
  CHECK(error_of(check_domain_spec("")) == "a domain is missing");
}

TEST_CASE("only the letter p needs the client's name") {
  CHECK(uses_validated_name("%{p}.example"));
  CHECK(uses_validated_name("a.%{P2r-}"));
  CHECK_FALSE(uses_validated_name("p.%{d}.%%p"));
}
