// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/tls_door.h"

#include <sys/socket.h>

#include <cerrno>

#include "smtpgate/gate/limits.h"
#include "smtpgate/tls/session_request.h"

namespace smtpgate {

hf::Result<void> TlsDoor::open(const std::vector<std::string>& files, const hf::Rate& handshakes) {
  for (const std::string& file : files) files_ += file + '\n';
  handshakes_ = handshakes;
  tokens_ = static_cast<float>(handshakes.count);
  return connect();
}

hf::Result<void> TlsDoor::connect() {
  HF_TRY_ASSIGN(control_, master_.tls(files_));
  return {};
}

bool TlsDoor::admit(uint64_t now_ms) {
  if (handshakes_.count == 0) return true;
  const std::lock_guard lock(mutex_);
  // Each worker reads the clock once a round, so another may have been here later by its own.
  if (now_ms > filled_ms_) {
    tokens_ = refilled(tokens_, now_ms - filled_ms_, handshakes_);
    filled_ms_ = now_ms;
  }
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

hf::Result<hf::Fd> TlsDoor::hand_over(int client_fd, std::string_view id) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return hf::fail(hf::sys_error("socketpair"));
  hf::Fd ours(pair[0]);
  const hf::Fd theirs(pair[1]);
  const std::lock_guard lock(mutex_);
  auto sent = send_session(control_.get(), id, client_fd, theirs.get());
  if (!sent && (sent.error().sys == EPIPE || sent.error().sys == ECONNRESET)) {
    HF_TRY(connect());  // it has died; the master starts another
    sent = send_session(control_.get(), id, client_fd, theirs.get());
  }
  if (!sent) return hf::fail(std::move(sent).error());
  return ours;
}

}  // namespace smtpgate
