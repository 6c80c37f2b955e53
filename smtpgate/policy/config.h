// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/text.h"
#include "base/net/ip.h"
#include "smtpgate/lists/rbldnsd_zone.h"
#include "smtpgate/lists/reply_filter.h"

namespace smtpgate {

using Millis = std::chrono::milliseconds;

/// One way to a mail server, from a URI of `[backend] handoff`.
struct BackendUri {
  enum class Kind : uint8_t { kPostfixPass, kProxyV2, kProxyV1, kXclient, kPlain };
  Kind kind = Kind::kPlain;
  std::string path;       // a unix socket; empty for TCP
  hf::Endpoint endpoint;  // for TCP
  std::string text;       // as written

  /// "postfix-pass:PATH", "proxy-v2:HOST:PORT", "proxy-v1:…", "xclient:…", "plain:…"; a PATH
  /// in place of HOST:PORT is a unix socket. HOST is an address or "localhost".
  static hf::Result<BackendUri> parse(std::string_view text);
};
std::string_view name_of(BackendUri::Kind kind);  // "postfix-pass", "proxy-v2", …

/// One [[dnsbl]] table: a DNS zone to ask, or a local file of zone data.
struct ListConfig {
  std::string name;  // public name for replies, logs and metrics; default: zone or file name
  ListRule rule;     // zone, filter and weight; for a file only filter and weight
  std::string file;  // local rbldnsd data; then rule.zone is empty
  RbldnsdZone::Format format = RbldnsdZone::Format::kIp4Set;
  hf::Rate budget;       // queries; count 0 is no limit
  bool trusted = false;  // may refuse for good by itself; files are trusted by default
  bool ipv6 = false;     // ask it about IPv6 clients
  bool soft = false;     // a refusal on its account is temporary
  std::string url;       // page that explains a listing; "{ip}" is replaced
  bool dead_ok = false;  // the zone may be one that is known to be closed
};

/// What action a failed test leads to.
enum class TestAction : uint8_t { kIgnore, kRefuse, kDrop };

/// Who is asked to come back later, and what it is known by when it does.
enum class GreyOnly : uint8_t { kNone, kSuspicious, kAll };
enum class GreyScope : uint8_t { kSpf, kPtr, kNet };

/// Everything smtpgate.toml says. Times and limits all have working defaults: see config_keys(),
/// the one table that feeds the parser, `smtpgate check --explain` and the man page.
struct Config {
  struct Listen {
    std::vector<hf::Endpoint> addresses;
    int64_t workers = 0;                   // 0: one per core
    std::vector<hf::IpPrefix> proxy_from;  // balancers that must send a PROXY header
    Millis proxy_timeout{5000};
  } listen;

  struct Backend {
    std::vector<BackendUri> handoff;  // in order of preference
    int64_t stranger_slots = 50;      // sessions of unknown clients alive in a pass backend
    Millis connect_timeout{5000};
    Millis pickup_timeout{100'000};  // for the MTA to take a passed descriptor
    Millis idle_timeout{600'000};    // of a relayed session
    Millis probe_interval{60'000};
  } backend;

  struct Banner {
    std::string name;  // default: this machine's host name
    bool teaser = true;
    Millis wait{6000};         // longest stay in the waiting room
    Millis min_wait{2000};     // early-talker window when all else is known
    Millis stress_wait{2000};  // `wait` while the waiting room is 90 % full
  } banner;

  struct Mode {
    bool enforce = false;  // default = "observe" | "enforce"
  } mode;

  struct Access {
    std::vector<std::string> allow;  // CIDR files
    std::vector<std::string> deny;
    bool soft = false;
  } access;

  struct Limits {
    int64_t per_ip = 20;  // connections at once
    int64_t per_net24 = 100;
    int64_t per_net64 = 20;
    hf::Rate rate_ip{30, std::chrono::seconds(60)};
    int64_t waiting = 50'000;         // clients in the waiting room, of all workers
    Millis command_timeout{300'000};  // for a client's first command
    Millis refuse_timeout{30'000};    // a refused client's whole stay
  } limits;

  struct Score {
    int64_t block = 8;
    int64_t grey = 3;
    int64_t skip = -4;
  } score;

  struct Pregreet {
    TestAction action = TestAction::kRefuse;
    bool soft = false;
    std::chrono::seconds pass{86'400 * 30};  // how long a pass is remembered
  } pregreet;

  struct Rdns {
    bool check = true;
    int64_t missing = 2;      // score where the address has no name
    int64_t unconfirmed = 1;  // … where no name leads back to it
  } rdns;

  struct Dns {
    std::vector<hf::Endpoint> servers;  // empty: /etc/resolv.conf
    Millis timeout{3000};
    std::chrono::seconds pass{3600};  // how long "not listed" is remembered
    int64_t cache = 8'000;              // answers kept per worker
  } dns;

  std::vector<ListConfig> lists;  // [[dnsbl]], in order

  struct Grey {
    GreyOnly only = GreyOnly::kSuspicious;
    std::vector<GreyScope> scope{GreyScope::kSpf, GreyScope::kPtr, GreyScope::kNet};
    std::chrono::seconds min{60};
    std::chrono::seconds window{86'400};
    std::chrono::seconds keep{86'400 * 36};
    int64_t max = 1'000'000;
    Millis session_timeout{600'000};
    std::vector<std::string> providers{"google.com",   "outlook.com",     "amazonses.com",
                                       "sendgrid.net", "servers.mcsv.net", "icloud.com"};
    bool defer_unasked = false;  // where no backend allows a dialogue: 451 for the whole network

    bool by(GreyScope each) const { return std::ranges::find(scope, each) != scope.end(); }
  } grey;

  struct Tls {
    std::vector<std::string> cert;  // PEM files; each has its key at the same place of `key`
    std::vector<std::string> key;
    hf::Rate handshakes{50, std::chrono::seconds(1)};
  } tls;

  struct History {
    std::string path = "/var/lib/smtpgate";
    int64_t max = 5'000'000;
    std::chrono::seconds keep_failed{86'400 * 30};
    std::chrono::seconds keep_passed{86'400 * 90};
  } history;

  struct Metrics {
    std::vector<hf::Endpoint> listen;  // at most one; empty: no endpoint
  } metrics;

  struct Log {
    std::string file;  // empty: standard error
    std::string level = "info";
  } log;

  struct Run {
    Millis drain{30'000};  // longest graceful stop
  } run;

  struct Reply {
    std::string url;  // added to every refusal; "{id}" and "{ip}"
  } reply;
};

/// Whether some backend is reached by a relay, which alone can take over a client in mid-session.
bool has_relay(const Config& config);
/// Where the networks of a provider of [grey] are kept.
std::string provider_file(const Config& config, const std::string& provider);

/// Parses and validates the whole of `text`. Errors name `file_name`, the line, and for an unknown
/// key the nearest known one.
hf::Result<Config> parse_config(std::string_view text, std::string_view file_name);
hf::Result<Config> load_config(const std::string& path);

/// Things that are legal but probably not meant, one sentence each.
std::vector<std::string> config_warnings(const Config& config);

/// The table of all keys for people: "[section] key (type and limits, default): help", one a line.
/// `only_key` picks "key", "section" or "section.key"; nothing comes back where it is unknown.
std::string explain_config(std::string_view only_key = {});
/// The effective configuration as TOML that parse_config() reads back to an equal Config.
std::string dump_config(const Config& config);

/// What changing from `old` to `fresh` needs a restart for, as "[section] key" names; a reload
/// takes everything else.
std::vector<std::string> restart_only_changes(const Config& old, const Config& fresh);

}  // namespace smtpgate
