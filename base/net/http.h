// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/core/result.h"
#include "base/net/loop.h"
#include "base/os/fd.h"

namespace hf {

struct HttpRequest {
  std::string path;  // the target up to its "?"
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type;
  std::string body;
};

/// A small HTTP/1.1 server for metrics and status: GET and HEAD, one request a connection. A header
/// may have 8 KiB, a connection 10 s, and 64 connections are open at once; others wait.
class HttpServer final : private ReadyHandler, private Timer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  /// Serves on `listener`, which is listening and non-blocking, until destroyed. `loop` must
  /// outlive the server; `handler` runs on its thread and must not destroy the server.
  static Result<std::unique_ptr<HttpServer>> create(Loop& loop, Fd listener, Handler handler);
  ~HttpServer() override;

 private:
  class Connection;

  HttpServer(Loop& loop, Fd listener, Handler handler);
  void on_ready(uint32_t events) override;
  void on_timer() override;

  Loop& loop_;
  Fd listener_;
  Handler handler_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;  // by descriptor
};

}  // namespace hf
