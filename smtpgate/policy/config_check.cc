// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/policy/config_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/core/text.h"
#include "base/ui/config_codec.h"

namespace smtpgate {
namespace {

/// Lists whose operators have announced their end. Their names may lead anywhere by now; several
/// answered "listed" for every address when they closed.
constexpr std::string_view kDeadZones[] = {
    "dnsbl.sorbs.net",
    "ix.dnsbl.manitu.net",
    "db.wpbl.info",
    "dnsbl.cyberlogic.net",
    "dnsbl.njabl.org",
    "blackholes.easynet.nl",
    "dsbl.org",
    "relays.ordb.org",
    "ahbl.org",
    "opm.blitzed.org",
    "relays.osirusoft.com",
    "bl.spamcannibal.org",
    "blackholes.five-ten-sg.com",
};

bool is_within(std::string_view zone, std::string_view parent) {
  return zone.ends_with(parent) &&
         (zone.size() == parent.size() || zone[zone.size() - parent.size() - 1] == '.');
}

bool is_name(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

/// The line of the first of `keys` that the file sets, or 0.
int line_of(const hf::ConfigValue::Table& sections, std::string_view section,
            std::initializer_list<std::string_view> keys) {
  const hf::ConfigValue* found = hf::find_value(sections, section);
  if (found == nullptr) return 0;
  const auto& table = std::get<hf::ConfigValue::Table>(found->value);
  for (const std::string_view key : keys)
    if (const auto* value = hf::find_value(table, key)) return value->line;
  return 0;
}

bool asks_dns(const Config& config) {
  return std::ranges::any_of(config.lists,
                             [](const ListConfig& list) { return list.file.empty(); });
}

}  // namespace

hf::Result<void> check_list(const ListConfig& list) {
  if (list.file.empty() == list.rule.zone.empty())
    return hf::fail("a list has either a zone to ask or a file to read: write one of them");
  if (!is_name(list.name))
    return hf::fail(
        fmt::format("name: \"{}\" has other characters than letters, digits, \".\", "
                    "\"-\" and \"_\": set a plain name",
                    list.name));
  const bool dead = std::ranges::any_of(
      kDeadZones, [&](std::string_view zone) { return is_within(list.rule.zone, zone); });
  if (dead && !list.dead_ok)
    return hf::fail(
        fmt::format("{} was closed by its operator and may call every client listed: "
                    "remove it, or set dead_ok = true if you serve that zone yourself",
                    list.rule.zone));
  return {};
}

hf::Result<void> check_config(const Config& config, const hf::ConfigValue::Table& sections,
                              std::string_view file_name) {
  auto no = [&](int line, std::string message) {
    return hf::fail(hf::config_error(file_name, line, message));
  };
  const auto& banner = config.banner;
  if (banner.min_wait > banner.wait)
    return no(line_of(sections, "banner", {"min_wait", "wait"}),
              fmt::format("[banner] min_wait ({}) is longer than wait ({})",
                          hf::format_duration(banner.min_wait), hf::format_duration(banner.wait)));
  const auto& score = config.score;
  if (score.skip >= score.grey || score.grey > score.block)
    return no(line_of(sections, "score", {"skip", "grey", "block"}),
              fmt::format("[score] skip ({}) must be less than grey ({}), and grey no more than "
                          "block ({})",
                          score.skip, score.grey, score.block));
  if (config.grey.min >= config.grey.window)
    return no(line_of(sections, "grey", {"min", "window"}),
              fmt::format("[grey] min ({}) must be shorter than window ({})",
                          hf::format_duration(config.grey.min),
                          hf::format_duration(config.grey.window)));
  if (config.tls.cert.size() != config.tls.key.size())
    return no(line_of(sections, "tls", {"cert", "key"}),
              fmt::format("[tls] cert names {} files and key {}: each certificate needs its key",
                          config.tls.cert.size(), config.tls.key.size()));
  if (config.backend.handoff.empty())
    return no(line_of(sections, "backend", {"handoff"}),
              "[backend] handoff is missing: name your mail server, such as handoff = "
              "\"postfix-pass:/var/spool/postfix/private/smtpd\"");
  return {};
}

std::vector<std::string> config_warnings(const Config& config) {
  std::vector<std::string> out;
  if (config.listen.addresses.empty())
    out.push_back("[listen] addresses is empty: clients come only by sockets that systemd passes");
  for (const hf::Endpoint& address : config.listen.addresses) {
    const bool submission = address.port == 465 || address.port == 587;
    if (submission && asks_dns(config))
      out.push_back(
          fmt::format("[listen] addresses: port {} is where your own users send from "
                      "home and mobile networks, which DNS lists refuse",
                      address.port));
  }
  if (config.grey.only != GreyOnly::kNone && !has_relay(config))
    out.push_back(fmt::format(
        "[grey]: no backend but postfix-pass is named, through which a client that was asked for "
        "its sender cannot be handed over; doubtful clients are {}: add a proxy-v2 backend",
        config.grey.defer_unasked ? "told to come back by their network" : "handed over at once"));
  for (const BackendUri& backend : config.backend.handoff)
    if (backend.kind == BackendUri::Kind::kPlain)
      out.push_back(
          fmt::format("[backend] handoff: behind {} the mail server sees our address in "
                      "place of the client's, so that SPF and its own limits go wrong",
                      backend.text));
  for (const ListConfig& list : config.lists) {
    if (list.rule.weight >= config.score.block && !list.trusted)
      out.push_back(
          fmt::format("[dnsbl] {}: weighs {}, but cannot refuse by itself unless it is "
                      "trusted = true",
                      list.name, list.rule.weight));
    if (is_within(list.rule.zone, "dq.spamhaus.net") && list.name == list.rule.zone)
      out.push_back(
          "[dnsbl] a zone below dq.spamhaus.net holds your key, and replies and logs "
          "show it: set a name");
  }
  return out;
}

}  // namespace smtpgate
