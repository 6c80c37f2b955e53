// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/terminator_child.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/os/log.h"
#include "base/os/process.h"
#include "smtpgate/tls/session_request.h"

namespace smtpgate {
hf::Result<hf::Fd> TerminatorChild::control(const std::vector<std::string>& files,
                                            const std::string& user) {
  if (pid_ < 0) HF_TRY(start(files, user));
  return hf::Fd(::fcntl(control_.get(), F_DUPFD_CLOEXEC, 0));
}

hf::Result<void> TerminatorChild::start(const std::vector<std::string>& files,
                                        const std::string& user) {
  std::vector<std::string> arguments{hf::beside_this_program("smtpgate-tls")};
  if (::access(arguments[0].c_str(), X_OK) != 0) return hf::fail(hf::sys_error(arguments[0]));
  for (size_t i = 0; i < files.size(); ++i) {
    arguments.emplace_back(i % 2 == 0 ? "--cert" : "--key");
    arguments.push_back(files[i]);
  }
  if (!user.empty()) arguments.insert(arguments.end(), {"--user", user});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return hf::fail(hf::sys_error("socketpair"));
  control_ = hf::Fd(pair[0]);
  const hf::Fd theirs(pair[1]);
  hf::flush_log();
  pid_ = ::fork();
  if (pid_ < 0) return hf::fail(hf::sys_error("fork"));
  if (pid_ == 0) {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (theirs.get() == kTlsControlFd)
      ::fcntl(kTlsControlFd, F_SETFD, 0);
    else
      ::dup2(theirs.get(), kTlsControlFd);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  return {};
}

void TerminatorChild::reaped(pid_t pid) {
  if (pid != pid_) return;
  hf::log_error("smtpgate-tls ended unexpectedly; the next STARTTLS starts it again");
  pid_ = -1;
  control_.reset();
}

void TerminatorChild::reload() const {
  if (pid_ > 0) ::kill(pid_, SIGHUP);
}

void TerminatorChild::stop() {
  if (pid_ < 0) return;
  control_.reset();
  ::kill(pid_, SIGTERM);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace smtpgate
