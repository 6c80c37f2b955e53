// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "smtpgate/tls/terminator/terminator.h"

int main(int argc, char** argv) {
  CLI::App app{
      "smtpgate-tls ends the TLS of smtpgate's clients, in a process of its own that holds "
      "the key. smtpgate starts it.",
      "smtpgate-tls"};
  std::vector<std::string> certificates, keys;
  std::string user;
  bool check = false;
  app.set_version_flag("-V,--version", "smtpgate-tls " HF_VERSION);
  app.footer("Manual page: smtpgate-tls(8).");
  app.add_option("--cert", certificates, "Certificate with its chain, in PEM; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->required();
  app.add_option("--key", keys, "Its private key, in PEM; once for each --cert, in their order")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->required();
  app.add_option("--user", user, "Whom to run as once the files are open");
  app.add_flag("--check", check, "Tell what is wrong with the certificates, and serve nobody");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (certificates.size() != keys.size()) {
    fmt::print(stderr, "smtpgate-tls: each --cert needs one --key\n");
    return 2;
  }

  std::vector<smtpgate::PairPaths> pairs;
  for (size_t i = 0; i < keys.size(); ++i) pairs.push_back({certificates[i], keys[i]});
  if (check) return smtpgate::check_certificates(pairs) ? 0 : 1;
  const auto served = smtpgate::run_terminator(pairs, user);
  if (served) return 0;
  fmt::print(stderr, "smtpgate-tls: {}\n", served.error().message);
  return 1;
}
