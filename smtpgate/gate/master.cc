// SPDX-License-Identifier: Apache-2.0
//
// The master: the only process with privileges, so it reads nothing that comes from outside. It
// keeps what it has opened, so that a gate that died is replaced without one refused connection.
#include "smtpgate/gate/master.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/core/clock.h"
#include "base/core/text.h"
#include "base/net/tcp.h"
#include "base/os/file.h"
#include "base/os/log.h"
#include "base/os/process.h"
#include "base/os/signal.h"
#include "base/os/systemd.h"
#include "smtpgate/gate/channel.h"
#include "smtpgate/gate/gate.h"
#include "smtpgate/gate/terminator_child.h"

namespace smtpgate {
namespace {

constexpr uint64_t kRestartPauseMs = 1000;  // between a gate's death and its replacement
constexpr int kSoonMs = 5000;               // a gate that dies before this never worked

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view line : hf::split(text, '\n'))
    if (!line.empty()) out.emplace_back(line);
  return out;
}

/// Opens things on behalf of one gate after another.
class Opener {
 public:
  Opener(std::string config_path, const passwd* user, std::string terminator_user,
         std::vector<hf::Fd> inherited)
      : config_path_(std::move(config_path)),
        uid_(user ? user->pw_uid : geteuid()),
        gid_(user ? user->pw_gid : getegid()),
        terminator_user_(std::move(terminator_user)),
        inherited_(std::move(inherited)) {}

  void start_generation() {
    sealed_ = false;
    next_inherited_ = 0;
  }

  TerminatorChild& terminator() { return terminator_; }

  /// No new clients: the gate closes its own copies when it is told to stop.
  void close_listeners() { listeners_.clear(); }

  hf::Result<hf::Fd> open(const MasterRequest& request) {
    using Kind = MasterRequest::Kind;
    const std::string path(request.path, strnlen(request.path, sizeof request.path));
    switch (request.kind) {
      case Kind::kConfig: return open_file(config_path_, O_RDONLY);
      case Kind::kInherited:
        if (next_inherited_ == inherited_.size()) return no(ENOENT);
        return duplicate(inherited_[next_inherited_++]);
      case Kind::kListen: return listener(request);
      case Kind::kSeal: sealed_ = true; return hf::Fd();
      case Kind::kReady: return hf::Fd();
      default: break;
    }
    if (sealed_ && !named_.contains({request.kind, path})) return no(EPERM);
    named_.insert({request.kind, path});
    // Who may know the socket may connect to it; naming it must not need a connection.
    if (request.kind == Kind::kDoor) named_.insert({Kind::kConnect, path});
    switch (request.kind) {
      case Kind::kDirectory: return directory(path);
      case Kind::kLogFile: return log_file(path);
      case Kind::kFile: return open_file(path, O_RDONLY | O_NONBLOCK);
      case Kind::kDoor: return open_file(path, O_PATH);
      case Kind::kConnect: return hf::connect_unix(path);
      case Kind::kTls: return terminator_.control(lines_of(path), terminator_user_);
      default: return no(EINVAL);
    }
  }

 private:
  static tl::unexpected<hf::Error> no(int sys) { return hf::fail(hf::sys_error("refused", sys)); }

  static hf::Result<hf::Fd> open_file(const std::string& path, int flags) {
    hf::Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0640));
    if (!fd) return hf::fail(hf::sys_error(path));
    return fd;
  }

  static hf::Result<hf::Fd> duplicate(const hf::Fd& fd) {
    return hf::Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  }

  hf::Result<hf::Fd> listener(const MasterRequest& request) {
    const hf::Endpoint endpoint = hf::Endpoint::from_sockaddr(request.address);
    const auto key = std::pair(endpoint, request.slot);
    auto found = listeners_.find(key);
    if (found == listeners_.end()) {
      if (sealed_) return no(EPERM);
      HF_TRY_ASSIGN(hf::Fd fd,
                    hf::listen_tcp(endpoint, {.reuse_port = true, .backlog = 65535}));
      found = listeners_.emplace(key, std::move(fd)).first;
    }
    return duplicate(found->second);
  }

  hf::Result<hf::Fd> directory(const std::string& path) const {
    HF_TRY(hf::make_directories(path, 0750));
    HF_TRY_ASSIGN(hf::Fd fd, open_file(path, O_RDONLY | O_DIRECTORY));
    HF_TRY(give_away(fd));
    return fd;
  }

  hf::Result<hf::Fd> log_file(const std::string& path) const {
    HF_TRY_ASSIGN(hf::Fd fd, open_file(path, O_WRONLY | O_APPEND | O_CREAT));
    HF_TRY(give_away(fd));
    return fd;
  }

  /// Makes the gate's user the owner, where we are root and it is not the owner already.
  hf::Result<void> give_away(const hf::Fd& fd) const {
    struct stat st {};
    if (::fstat(fd.get(), &st) == 0 && st.st_uid == uid_) return {};
    if (geteuid() == 0 && ::fchown(fd.get(), uid_, gid_) != 0)
      return hf::fail(hf::sys_error("fchown"));
    return {};
  }

  const std::string config_path_;
  const uid_t uid_;
  const gid_t gid_;
  const std::string terminator_user_;
  const std::vector<hf::Fd> inherited_;
  size_t next_inherited_ = 0;
  bool sealed_ = false;
  std::set<std::pair<MasterRequest::Kind, std::string>> named_;
  std::map<std::pair<hf::Endpoint, uint32_t>, hf::Fd> listeners_;
  TerminatorChild terminator_;
};

/// A running gate as the master sees it.
struct Child {
  pid_t pid = -1;
  hf::Fd channel;
  uint64_t started_ms = 0;
  bool ready = false;
};

/// Forks the gate; the child never returns from here.
hf::Result<Child> start_gate(const RunOptions& options) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return hf::fail(hf::sys_error("socketpair"));
  hf::Fd ours(pair[0]), theirs(pair[1]);
  hf::flush_log();  // what waits would be written twice
  const pid_t pid = ::fork();
  if (pid < 0) return hf::fail(hf::sys_error("fork"));
  if (pid == 0) {
    ours.reset();
    ::_exit(run_gate(std::move(theirs), options));
  }
  return Child{pid, std::move(ours), hf::system_clock().steady_ms(), false};
}

/// Serves one request; false when the gate's end is closed.
bool serve(Child& child, Opener& opener) {
  MasterRequest request;
  auto message =
      hf::receive_with_fd(child.channel.get(), std::as_writable_bytes(std::span(&request, 1)));
  if (!message || message->size == 0) return false;
  hf::Fd fd;
  int32_t sys = EINVAL;
  if (message->size == sizeof request) {
    auto opened = opener.open(request);
    sys = opened ? 0 : opened.error().sys;
    if (opened) fd = std::move(*opened);
    if (request.kind == MasterRequest::Kind::kReady && !std::exchange(child.ready, true))
      hf::notify_ready();
  }
  const auto answer = std::as_bytes(std::span(&sys, 1));
  return hf::send_with_fd(child.channel.get(), answer, fd.get()).has_value();
}

/// Runs one gate to its end. Returns its wait status; `stopping` is set once a stop was asked for.
int attend(Child& child, Opener& opener, int signals, bool& stopping) {
  pollfd polled[2] = {{signals, POLLIN, 0}, {child.channel.get(), POLLIN, 0}};
  for (;;) {
    ::poll(polled, 2, -1);
    if (polled[1].revents != 0 && !serve(child, opener)) polled[1].fd = -1;
    if (polled[0].revents == 0) continue;
    const auto signal = hf::read_signal(signals);
    if (signal == SIGCHLD) {
      int status = 0;
      for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == child.pid) return status;
        opener.terminator().reaped(pid);
      }
    } else if (signal) {
      if (*signal == SIGTERM || *signal == SIGINT) {
        if (!stopping) hf::notify_stopping();
        stopping = true;
        opener.close_listeners();
      }
      if (*signal == SIGHUP) opener.terminator().reload();
      ::kill(child.pid, *signal == SIGINT ? SIGTERM : *signal);
    }
  }
}

std::string gate_user(const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  return ::getpwnam("smtpgate") != nullptr ? "smtpgate" : "nobody";
}

/// smtpgate-tls holds the key, so it is best a user of its own.
std::string terminator_user(const std::string& gate) {
  if (gate.empty()) return {};
  return ::getpwnam("smtpgate-tls") != nullptr ? "smtpgate-tls" : gate;
}

}  // namespace

int run_master(RunOptions options) {
  hf::raise_descriptor_limit();
  hf::ignore_sigpipe();
  auto signals = hf::block_and_open_signalfd({SIGTERM, SIGINT, SIGHUP, SIGCHLD});
  if (!signals) {
    hf::log_error("{}", signals.error().message);
    return 1;
  }
  const bool root = geteuid() == 0;
  options.user = root ? gate_user(options.user) : "";
  const std::string key_holder = terminator_user(options.user);
  // Last, since each look-up overwrites what the one before returned.
  const passwd* account = root ? ::getpwnam(options.user.c_str()) : nullptr;
  if (root && account == nullptr) {
    hf::log_error("user \"{}\" does not exist: create it with `useradd --system --no-create-home {}`",
                  options.user, options.user);
    return 1;
  }
  Opener opener(options.config_path, account, key_holder, hf::listen_fds());

  for (bool stopping = false;;) {
    opener.start_generation();
    auto child = start_gate(options);
    if (!child) {
      hf::log_error("{}", child.error().message);
      return 1;
    }
    const int status = attend(*child, opener, signals->get(), stopping);
    if (stopping || (WIFEXITED(status) && !child->ready)) {
      opener.terminator().stop();
      return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    const bool soon = hf::system_clock().steady_ms() - child->started_ms < kSoonMs;
    hf::log_error("the gate ended unexpectedly ({} {}){}",
                  WIFSIGNALED(status) ? "signal" : "exit code",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                  soon && !child->ready ? "" : "; starting it again");
    if (soon && !child->ready) {
      opener.terminator().stop();
      return 1;
    }
    ::usleep(kRestartPauseMs * 1000);
  }
}

}  // namespace smtpgate
