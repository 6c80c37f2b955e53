// SPDX-License-Identifier: Apache-2.0
//
// What the unprivileged gate may ask of the master: fixed-size requests over a SOCK_SEQPACKET
// pair, each answered by an errno and perhaps a descriptor. Until kSeal any path and address may be
// named, since only the configuration has been read by then; afterwards only those already named.
#pragma once

#include <sys/un.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <type_traits>

#include "base/core/result.h"
#include "base/net/ip.h"
#include "base/os/fd.h"

namespace smtpgate {

struct MasterRequest {
  enum class Kind : uint32_t {
    kConfig,     // the configuration file, opened anew
    kInherited,  // the next listening socket that systemd passed; ENOENT when there is none
    kListen,     // a TCP listener on `address`, the `slot`th of its SO_REUSEPORT group
    kDirectory,  // `path` as a folder that the gate's user owns
    kLogFile,    // `path` for appending, owned by the gate's user
    kFile,       // `path` for reading
    kDoor,       // the unix socket `path` itself (O_PATH), to be connected to by its descriptor
    kConnect,    // a connection to the unix socket `path`
    kTls,        // the control socket of smtpgate-tls; `path` is its files, one a line
    kSeal,       // from now on nothing new may be named
    kReady,      // the gate serves
  };
  Kind kind = Kind::kReady;
  uint32_t slot = 0;
  sockaddr_storage address{};
  char path[4000]{};
};
static_assert(std::is_trivially_copyable_v<MasterRequest>);

/// The gate's end. Safe to use from any thread; each call waits for the master's answer.
class MasterChannel {
 public:
  explicit MasterChannel(hf::Fd socket) : socket_(std::move(socket)) {}

  hf::Result<hf::Fd> config() { return ask({.kind = MasterRequest::Kind::kConfig}); }
  hf::Result<hf::Fd> inherited() { return ask({.kind = MasterRequest::Kind::kInherited}); }
  hf::Result<hf::Fd> listen(const hf::Endpoint& endpoint, uint32_t slot);
  hf::Result<hf::Fd> directory(const std::string& path);
  hf::Result<hf::Fd> log_file(const std::string& path);
  hf::Result<hf::Fd> file(const std::string& path);
  hf::Result<hf::Fd> door(const std::string& path);
  hf::Result<hf::Fd> connect(const std::string& path);
  hf::Result<hf::Fd> tls(const std::string& files);
  hf::Result<void> seal();
  hf::Result<void> ready();

 private:
  hf::Result<hf::Fd> ask(const MasterRequest& request);
  hf::Result<hf::Fd> ask_path(MasterRequest::Kind kind, const std::string& path);

  hf::Fd socket_;
  std::mutex mutex_;  // one question at a time
};

}  // namespace smtpgate
