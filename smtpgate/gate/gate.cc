// SPDX-License-Identifier: Apache-2.0
//
// The gate process, from its birth without a configuration to its drain.
#include "smtpgate/gate/gate.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/net/http.h"
#include "base/net/tcp.h"
#include "base/os/log.h"
#include "base/os/process.h"
#include "base/os/signal.h"
#include "smtpgate/gate/channel.h"
#include "smtpgate/gate/confine.h"
#include "smtpgate/gate/control.h"
#include "smtpgate/gate/keeper.h"
#include "smtpgate/gate/prober.h"
#include "smtpgate/gate/worker.h"

namespace smtpgate {
namespace {

std::string path_of(const hf::Fd& fd) { return fmt::format("/proc/self/fd/{}", fd.get()); }

/// How many entries were removed, or why none.
std::string told(const hf::Result<uint64_t>& removed) {
  return removed ? std::to_string(*removed) : removed.error().message;
}

/// Everything that the gate opens while it may, and what serves with it.
class Gate {
 public:
  Gate(hf::Fd master, std::string config_path)
      : master_(std::move(master)), config_path_(std::move(config_path)) {}

  hf::Result<void> open();
  int serve();

 private:
  class Signals;

  hf::Result<void> open_log();
  hf::Result<void> open_history();
  hf::Result<void> open_greylist();
  hf::Result<void> open_tls();
  hf::Result<void> make_workers();
  hf::Result<void> add_listeners(std::vector<hf::Fd> inherited);
  hf::Result<void> open_admin();
  std::string answer(std::string_view command);
  hf::HttpResponse answer_http(const hf::HttpRequest& request);
  std::string reload();
  void drain();

  MasterChannel master_;
  const std::string config_path_;  // for messages: the master opens it
  Policy policy_;  // at start; afterwards the keeper's
  hf::Fd history_folder_;
  std::unique_ptr<HistoryStore> history_;
  std::unique_ptr<Greylist> greylist_;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<hf::Loop> loop_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Prober> prober_;
  std::unique_ptr<Keeper> keeper_;
  std::unique_ptr<ControlServer> control_;
  std::vector<std::unique_ptr<hf::HttpServer>> http_;
  std::unique_ptr<Signals> signals_;
  size_t draining_ = 0;  // workers that are not yet empty
};

/// SIGHUP and SIGTERM as events of the loop.
class Gate::Signals final : public hf::ReadyHandler {
 public:
  Signals(Gate& gate, hf::Fd fd) : gate_(gate), fd_(std::move(fd)) {}
  hf::Result<void> watch() { return gate_.loop_->watch(fd_.get(), EPOLLIN, this); }

 private:
  void on_ready(uint32_t) override {
    const auto signal = hf::read_signal(fd_.get());
    if (signal == SIGHUP) gate_.reload();
    if (signal == SIGTERM) gate_.drain();
  }

  Gate& gate_;
  hf::Fd fd_;
};

hf::Result<void> Gate::open() {
  HF_TRY_ASSIGN(Config config, read_config(master_, config_path_));
  for (const std::string& warning : config_warnings(config)) hf::log_warn("{}", warning);
  HF_TRY_ASSIGN(policy_.rules, Ruleset::load(std::move(config), opener_of(master_)));
  HF_TRY(open_log());
  HF_TRY(open_history());
  HF_TRY(open_greylist());
  HF_TRY_ASSIGN(loop_, hf::Loop::create());
  HF_TRY_ASSIGN(hf::Fd signals, hf::block_and_open_signalfd({SIGHUP, SIGTERM}));
  signals_ = std::make_unique<Signals>(*this, std::move(signals));
  HF_TRY(signals_->watch());

  shared_ = std::make_unique<Shared>(master_, *history_, *greylist_);
  shared_->descriptor_limit = hf::descriptor_limit();
  if (auto diag = shared_->strangers.open(); !diag)
    hf::log_warn("sessions passed on cannot be counted ({}): slots are given back after 5 minutes",
                 diag.error().message);
  policy_.backends = std::make_shared<Backends>(policy_.rules->config);
  policy_.guards =
      std::make_shared<ZoneGuards>(policy_.rules->config, shared_->metrics, nullptr);
  // The master learns each root-only socket while it may still learn one.
  for (const auto& backend : policy_.backends->all())
    backend->introduce(master_);

  HF_TRY(open_tls());
  HF_TRY(make_workers());
  HF_TRY(open_admin());
  HF_TRY(master_.seal());
  return confine_gate();
}

hf::Result<void> Gate::open_log() {
  const Config::Log& log = policy_.rules->config.log;
  if (log.file.empty()) return hf::open_log({}, log.level);
  HF_TRY_ASSIGN(hf::Fd fd, master_.log_file(log.file));
  return hf::log_to(std::move(fd), log.level);
}

hf::Result<void> Gate::open_history() {
  const Config::History& config = policy_.rules->config.history;
  HF_TRY_ASSIGN(history_folder_, master_.directory(config.path));
  // By descriptor, since the folders above it may be closed to the gate's user.
  auto store = HistoryStore::open(path_of(history_folder_), HistoryStore::Mode::kReadWrite,
                                  static_cast<uint64_t>(config.max));
  if (!store) return hf::fail(std::move(store).error().within(config.path));
  history_ = std::make_unique<HistoryStore>(std::move(*store));
  return {};
}

hf::Result<void> Gate::open_greylist() {
  const Config& config = policy_.rules->config;
  const GreyOptions options{.min_s = static_cast<uint32_t>(config.grey.min.count()),
                            .window_s = static_cast<uint32_t>(config.grey.window.count()),
                            .keep_s = static_cast<uint32_t>(config.grey.keep.count()),
                            .max_entries = static_cast<uint64_t>(config.grey.max)};
  auto greylist = Greylist::open(path_of(history_folder_), options, hf::system_clock());
  if (!greylist) return hf::fail(std::move(greylist).error().within(config.history.path));
  greylist_ = std::make_unique<Greylist>(std::move(*greylist));
  return {};
}

hf::Result<void> Gate::open_tls() {
  const Config::Tls& config = policy_.rules->config.tls;
  if (config.cert.empty()) return {};
  std::vector<std::string> files;
  for (size_t i = 0; i < config.cert.size(); ++i) {
    files.push_back(config.cert[i]);
    files.push_back(config.key[i]);
  }
  return shared_->tls.open(files, config.handshakes);
}

hf::Result<void> Gate::make_workers() {
  const Config& config = policy_.rules->config;
  shared_->workers = config.listen.workers > 0
                         ? static_cast<uint32_t>(config.listen.workers)
                         : std::max(1U, std::thread::hardware_concurrency());
  for (uint32_t i = 0; i < shared_->workers; ++i) {
    HF_TRY_ASSIGN(HistoryStore::Reader reader, history_->reader());
    HF_TRY_ASSIGN(Worker::Seams seams, Worker::open_seams(config));
    workers_.push_back(std::make_unique<Worker>(
        i, *shared_, policy_, std::move(reader),
        [this](uint32_t owner, hf::Fd fd, const hf::Endpoint& peer, const hf::Endpoint& server) {
          workers_[owner]->receive_forwarded(std::move(fd), peer, server);
        },
        std::move(seams)));
  }
  std::vector<hf::Fd> inherited;
  for (;;) {
    auto fd = master_.inherited();
    if (!fd) break;
    // systemd leaves them blocking, on which accept() would wait for the next client.
    ::fcntl(fd->get(), F_SETFL, ::fcntl(fd->get(), F_GETFL) | O_NONBLOCK);
    inherited.push_back(std::move(*fd));
  }
  return add_listeners(std::move(inherited));
}

hf::Result<void> Gate::add_listeners(std::vector<hf::Fd> inherited) {
  for (size_t i = 0; i < inherited.size(); ++i)
    HF_TRY(workers_[i % workers_.size()]->add_listener(std::move(inherited[i])));
  if (!inherited.empty()) return {};

  const Config& config = policy_.rules->config;
  if (config.listen.addresses.empty())
    return hf::fail("nothing to listen on: set [listen] addresses, or pass a socket by systemd");
  for (const hf::Endpoint& endpoint : config.listen.addresses) {
    for (uint32_t slot = 0; slot < shared_->workers; ++slot) {
      HF_TRY_ASSIGN(hf::Fd fd, master_.listen(endpoint, slot));
      // Connections that are steered wrongly are forwarded, so this need not succeed.
      if (slot + 1 == shared_->workers && slot > 0)
        if (auto steered = hf::steer_by_network(fd.get(), endpoint.ip.is_v4(), shared_->workers);
            !steered)
          hf::log_warn("{}", steered.error().message);
      HF_TRY(workers_[slot]->add_listener(std::move(fd)));
    }
    hf::log_info("listening on {}", endpoint.to_string());
  }
  return {};
}

hf::Result<void> Gate::open_admin() {
  prober_ = std::make_unique<Prober>(*shared_);
  prober_->use(policy_);
  keeper_ = std::make_unique<Keeper>(*loop_, *shared_, *prober_, workers_, policy_, config_path_);
  HF_TRY_ASSIGN(control_, ControlServer::create(*loop_, path_of(history_folder_),
                                                [this](std::string_view c) { return answer(c); }));
  for (const hf::Endpoint& endpoint : policy_.rules->config.metrics.listen) {
    HF_TRY_ASSIGN(hf::Fd fd, master_.listen(endpoint, 0));
    HF_TRY_ASSIGN(auto server,
                  hf::HttpServer::create(*loop_, std::move(fd), [this](const auto& request) {
                    return answer_http(request);
                  }));
    http_.push_back(std::move(server));
  }
  return {};
}

int Gate::serve() {
  for (auto& worker : workers_) worker->start();
  prober_->start();
  keeper_->start();
  if (auto ready = master_.ready(); !ready) {
    hf::log_error("{}", ready.error().message);
    return 1;
  }
  hf::log_info("ready: {} mode", policy_.rules->config.mode.enforce ? "enforce" : "observe");
  loop_->run();

  for (auto& worker : workers_) worker->stop_and_join();
  loop_->run_once(0);  // history that was handed over and not yet written
  prober_.reset();
  keeper_->commit_last();
  hf::log_info("stopped");
  hf::flush_log();
  return 0;
}

std::string Gate::answer(std::string_view command) {
  if (command == "status") return keeper_->status_json();
  if (command == "lists") return keeper_->lists_json();
  if (command == "reload") return reload();
  if (command == "grey-flush") return told(greylist_->flush());
  constexpr std::string_view kForget = "grey-forget ";
  if (command.starts_with(kForget))
    if (const auto client = hf::IpAddress::parse(command.substr(kForget.size())))
      return told(greylist_->forget(*client));
  return "unknown command";
}

hf::HttpResponse Gate::answer_http(const hf::HttpRequest& request) {
  if (request.path == "/metrics")
    return {200, "text/plain; version=0.0.4; charset=utf-8", shared_->metrics.text()};
  if (request.path == "/status")
    return {200, "application/json", keeper_->status_json()};
  return {404, "text/plain", "try /metrics or /status\n"};
}

/// Empty if the new configuration is in force, else why it is not.
std::string Gate::reload() {
  // The log may have been moved away: the configured name is opened afresh.
  if (auto reopened = open_log(); !reopened) hf::log_error("{}", reopened.error().message);
  const auto reloaded = keeper_->reload();
  if (reloaded) return {};
  hf::log_error("keeping the old configuration: {}", reloaded.error().message);
  return reloaded.error().message;
}

void Gate::drain() {
  if (draining_ != 0) return;
  hf::log_info("stopping: no new connections, those open may end");
  draining_ = workers_.size();
  const auto limit = keeper_->policy().rules->config.run.drain;
  for (auto& worker : workers_)
    worker->drain(limit, [this] {
      loop_->post([this] {
        if (--draining_ == 0) loop_->stop();
      });
    });
}

}  // namespace

int run_gate(hf::Fd master, const RunOptions& options) {
  if (!options.user.empty())
    if (auto dropped = hf::drop_privileges(options.user); !dropped) {
      hf::log_error("{}", dropped.error().message);
      return 1;
    }
  // After the change of user, which clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Gate gate(std::move(master), options.config_path);
  if (auto opened = gate.open(); !opened) {
    hf::log_error("{}", opened.error().message);
    hf::flush_log();
    return 1;
  }
  return gate.serve();
}

}  // namespace smtpgate
