// SPDX-License-Identifier: Apache-2.0
//
// The control socket: <history>/control, a unix stream socket. A client sends one line, the name
// of a command; the answer is JSON, then the connection closes. Who may write to the socket may
// ask, so it is made for its owner and root alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/net/loop.h"
#include "base/os/fd.h"

namespace smtpgate {

class ControlServer final : public hf::ReadyHandler {
 public:
  using Handler = std::function<std::string(std::string_view command)>;

  /// Binds the socket in the folder, replacing what a dead daemon left there.
  static hf::Result<std::unique_ptr<ControlServer>> create(hf::Loop& loop,
                                                           const std::string& folder,
                                                           Handler handler);
  ~ControlServer() override;

 private:
  class Session;
  ControlServer(hf::Loop& loop, hf::Fd listener, Handler handler);
  void on_ready(uint32_t events) override;

  hf::Loop& loop_;
  hf::Fd listener_;
  Handler handler_;
  std::unordered_map<Session*, std::unique_ptr<Session>> sessions_;
};

/// Sends `command` to the daemon whose history is in `folder` and returns its answer. An error
/// whose `sys` is ENOENT or ECONNREFUSED: no daemon runs there.
hf::Result<std::string> ask_daemon(const std::string& folder, std::string_view command);

}  // namespace smtpgate
