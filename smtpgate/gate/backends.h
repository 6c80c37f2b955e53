// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "base/os/fd.h"
#include "smtpgate/gate/channel.h"
#include "smtpgate/policy/config.h"

namespace smtpgate {

/// One mail server behind the gate, and what the last probe found.
class Backend {
 public:
  explicit Backend(BackendUri uri) : uri_(std::move(uri)) {}
  ~Backend();

  const BackendUri& uri() const { return uri_; }
  bool passes_descriptor() const { return uri_.kind == BackendUri::Kind::kPostfixPass; }
  /// True until a probe or a hand-over has failed.
  bool up() const { return up_.load(std::memory_order_relaxed); }
  void set_up(bool up) { up_.store(up, std::memory_order_relaxed); }

  /// What the server announced to EHLO at the last probe that succeeded.
  std::vector<std::string> keywords() const;
  void set_keywords(std::vector<std::string> keywords);

  /// Names a unix socket to the master, which afterwards opens no other for us.
  void introduce(MasterChannel& master);

  /// Starts a connection: finished at once for unix sockets, perhaps under way for TCP.
  ///
  /// A unix socket may stand in a folder that is closed to us, as Postfix's private/ is. Then the
  /// master is asked once for the socket itself, as a descriptor that is connected to by way of
  /// /proc/self/fd, past the folder; and only where the socket's own mode forbids that, for each
  /// connection. `master` may be null.
  hf::Result<hf::Fd> connect(MasterChannel* master);

 private:
  hf::Result<hf::Fd> connect_by_door(MasterChannel& master);

  const BackendUri uri_;
  std::atomic<bool> up_{true};
  mutable std::mutex keywords_mutex_;
  std::vector<std::string> keywords_;  // guarded by keywords_mutex_
  enum class Way : uint8_t { kPath, kDoor, kMaster };
  std::atomic<Way> way_{Way::kPath};
  std::mutex door_mutex_;
  std::atomic<int> door_{-1};  // set under door_mutex_, afterwards only replaced in place
};

/// The backends of one configuration, in order of preference.
class Backends {
 public:
  explicit Backends(const Config& config);
  const std::vector<std::unique_ptr<Backend>>& all() const { return all_; }
  /// The first that can take over a client in mid-session, of those that are up if any is; null:
  /// there is none.
  const Backend* first_relay() const;

 private:
  std::vector<std::unique_ptr<Backend>> all_;
};

/// What a backend says to a health check.
struct ProbeResult {
  std::string banner;              // its first greeting line, printable
  std::vector<std::string> keywords;  // of its EHLO reply
};

/// Speaks to a backend as a client behind the gate would: greeting, EHLO, QUIT, with each step
/// bounded by `timeout`. Blocks; not for an event loop's thread.
hf::Result<ProbeResult> probe_backend(Backend& backend, MasterChannel* master, Millis timeout);

}  // namespace smtpgate
