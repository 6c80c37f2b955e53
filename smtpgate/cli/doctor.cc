// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include <fmt/core.h>

#include "base/core/text.h"
#include "base/net/loop.h"
#include "base/net/resolver.h"
#include "base/os/file.h"
#include "base/os/process.h"
#include "smtpgate/cli/commands.h"
#include "smtpgate/gate/backends.h"
#include "smtpgate/gate/control.h"
#include "smtpgate/policy/ruleset.h"

namespace smtpgate {
namespace {

/// Findings, printed as they come: good ones, warnings, and what keeps the gate from working.
class Report {
 public:
  void good(std::string_view what) { fmt::print("  ok    {}\n", what); }
  void warn(std::string_view what) { fmt::print("  warn  {}\n", what); }
  void bad(std::string_view what) {
    ++bad_;
    fmt::print("  BAD   {}\n", what);
  }
  int bad() const { return bad_; }

 private:
  int bad_ = 0;
};

int64_t kernel_number(const char* path) {
  const auto text = hf::read_file(path);
  return text ? hf::parse_int(hf::trim(*text), 0, INT64_MAX).value_or(0) : 0;
}

void look_at_limits(const Config& config, Report& report) {
  hf::raise_descriptor_limit();
  const auto descriptors = static_cast<int64_t>(hf::descriptor_limit());
  const std::string text = fmt::format("descriptor limit {}, waiting room for {}", descriptors,
                                       config.limits.waiting);
  if (descriptors < 4096)
    report.bad(text + ": raise it (LimitNOFILE= in the unit, or ulimit -n)");
  else if (descriptors < config.limits.waiting)
    report.warn(text + ": the room ends where the descriptors do");
  else
    report.good(text);
  const int64_t backlog = kernel_number("/proc/sys/net/core/somaxconn");
  if (backlog < 1024)
    report.warn(fmt::format("net.core.somaxconn is {}: bursts overflow the accept queue, which "
                            "defeats the early-talker test; 4096 or more is right", backlog));
  else
    report.good(fmt::format("accept queue of {}", backlog));
  if (kernel_number("/proc/sys/net/ipv4/tcp_syncookies") == 0)
    report.warn("net.ipv4.tcp_syncookies is off: a SYN flood closes the port");
}

/// One question, waited for.
hf::Result<hf::DnsReply> ask_once(const Config& config, const std::string& name, hf::DnsType type) {
  HF_TRY_ASSIGN(auto loop, hf::Loop::create());
  const auto timeout = static_cast<uint32_t>(config.dns.timeout.count());
  HF_TRY_ASSIGN(auto resolver, hf::make_cares_resolver(*loop, {.servers = config.dns.servers,
                                                               .timeout_ms = timeout}));
  std::optional<hf::DnsReply> reply;
  resolver->ask(name, type, [&](const hf::DnsReply& r) { reply = r; });
  const uint64_t deadline = loop->now_ms() + timeout + 500;
  while (!reply && loop->now_ms() < deadline) loop->run_once(100);
  return reply.value_or(hf::DnsReply{.status = hf::DnsStatus::kTimeout});
}

/// RFC 5782 §5: a working list knows 127.0.0.2 and does not know 127.0.0.1.
void look_at_list(const Config& config, const ListConfig& list, Report& report) {
  auto ask = [&](uint32_t address) {
    return ask_once(config, hf::list_query_name(hf::IpAddress::v4(address), list.rule.zone),
                    hf::DnsType::kA);
  };
  const auto listed = ask(0x7f000002), clean = ask(0x7f000001);
  if (!listed || !clean) return report.bad(fmt::format("list {}: no resolver", list.name));
  auto says = [](const hf::DnsReply& reply, ListCode code) {
    for (const auto& answer : reply.addresses)
      if (classify_list_answer(answer) == code) return true;
    return false;
  };
  if (says(*listed, ListCode::kListError))
    report.bad(fmt::format("list {} refuses to answer this resolver (127.255.255.x): use a resolver "
                           "of your own, or its paid service", list.name));
  else if (says(*clean, ListCode::kListed))
    report.bad(fmt::format("list {} lists 127.0.0.1, so it lists the world: remove it", list.name));
  else if (says(*listed, ListCode::kNotListing))
    report.bad(fmt::format("list {}: the resolver makes answers up (NXDOMAIN rewriting)", list.name));
  else if (!says(*listed, ListCode::kListed))
    report.warn(fmt::format("list {} does not list its test address 127.0.0.2: dead, or without one",
                            list.name));
  else
    report.good(fmt::format("list {} answers its test addresses rightly", list.name));
}

void look_at_backend(Backend& backend, const Config& config, Report& report) {
  const std::string& uri = backend.uri().text;
  const auto result = probe_backend(backend, nullptr, config.backend.connect_timeout);
  if (!result) return report.bad(fmt::format("backend {}: {}", uri, result.error().message));
  report.good(fmt::format("backend {} greets: {}", uri, result->banner));
  std::string_view greeting = result->banner;
  greeting.remove_prefix(std::min<size_t>(greeting.size(), 4));  // "220 " or "220-"
  const auto words = hf::split_blanks(greeting);
  if (!words.empty() && words[0] != config.banner.name)
    report.warn(fmt::format("it calls itself {}, [banner] name is {}: clients see both in one "
                            "greeting, so make them the same", words[0], config.banner.name));
  const bool offers_tls = std::ranges::find(result->keywords, "STARTTLS") != result->keywords.end();
  if (offers_tls && config.tls.cert.empty() && config.grey.only != GreyOnly::kNone)
    report.warn(fmt::format("backend {} offers STARTTLS, and a client that is being asked cannot "
                            "have it: name a certificate in [tls]", uri));
  if (backend.uri().kind == BackendUri::Kind::kPlain)
    report.warn(fmt::format("backend {} sees this machine's address instead of the client's: its "
                            "SPF and limits break; use proxy-v2 or xclient", uri));
}

void look_at_history(const Config& config, Report& report) {
  const auto size = HistoryStore::open(config.history.path, HistoryStore::Mode::kReadOnly,
                                       static_cast<uint64_t>(config.history.max));
  struct statvfs fs {};
  if (!size && size.error().sys != ENOENT)
    report.bad(fmt::format("history: {}", size.error().message));
  else if (!size)
    report.warn(fmt::format("history: nothing in {} yet", config.history.path));
  else
    report.good(fmt::format("history: {} clients in {}", size->size().clients, config.history.path));
  if (::statvfs(config.history.path.c_str(), &fs) == 0 &&
      fs.f_bavail * fs.f_frsize < (64U << 20))
    report.bad(fmt::format("{}: less than 64 MB free", config.history.path));
}

/// smtpgate-tls alone reads keys, so it is asked.
void look_at_certificates(const Config& config, Report& report) {
  if (config.tls.cert.empty()) return;
  std::vector<std::string> command{hf::beside_this_program("smtpgate-tls"), "--check"};
  for (size_t i = 0; i < config.tls.cert.size(); ++i)
    command.insert(command.end(), {"--cert", config.tls.cert[i], "--key", config.tls.key[i]});
  const auto status = hf::run_and_wait(command);
  if (!status)
    report.bad(status.error().message);
  else if (*status != 0)
    report.bad("[tls]: the certificates are not in order, as said above");
  else
    report.good(fmt::format("{} certificates and their keys", config.tls.cert.size()));
}

void look_at_providers(const Config& config, Report& report) {
  if (config.grey.only == GreyOnly::kNone) return;
  for (const std::string& provider : config.grey.providers)
    if (::access(provider_file(config, provider).c_str(), R_OK) != 0)
      return report.warn(fmt::format("the networks of {} are not known, so its mail may be delayed: "
                                     "run `smtpgate providers --refresh` once a day", provider));
  report.good(fmt::format("the networks of {} big senders", config.grey.providers.size()));
}

void look_at_clock(Report& report) {
  // A clock that was never set stands at the start of its era.
  if (::time(nullptr) < 1'700'000'000)
    report.bad("the clock is wrong: remembered passes and expiry go by it");
  else
    report.good(fmt::format("clock: {}", hf::format_utc(::time(nullptr))));
}

}  // namespace

hf::Result<int> run_doctor(const CommonOptions& common) {
  HF_TRY_ASSIGN(Config loaded, load_config(common.config_path));
  Report report;
  for (const std::string& warning : config_warnings(loaded)) report.warn(warning);
  const auto rules = Ruleset::load(std::move(loaded), open_directly);
  if (!rules) return hf::fail(rules.error());
  const Config& config = (*rules)->config;
  report.good(fmt::format("{} is valid", common.config_path));

  look_at_clock(report);
  look_at_limits(config, report);
  if (config.banner.name.find('.') == std::string::npos)
    report.warn(fmt::format("[banner] name \"{}\" is no full host name", config.banner.name));
  for (const ListConfig& list : config.lists)
    if (list.file.empty()) look_at_list(config, list, report);
  Backends backends(config);
  for (const auto& backend : backends.all()) look_at_backend(*backend, config, report);
  look_at_certificates(config, report);
  look_at_providers(config, report);
  look_at_history(config, report);
  if (ask_daemon(config.history.path, "status"))
    report.good("the daemon runs");
  else
    report.warn("the daemon does not run, or not for us");
  fmt::print("{}\n", report.bad() == 0 ? "nothing is in the way"
                                       : fmt::format("{} things are in the way", report.bad()));
  return report.bad() == 0 ? 0 : 1;
}

}  // namespace smtpgate
