// SPDX-License-Identifier: Apache-2.0
#include "base/net/http.h"

#include <sys/socket.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

namespace hf {

namespace {

namespace http = boost::beast::http;

constexpr size_t kMaxConnections = 64;
constexpr uint32_t kMaxHeaderBytes = 8192;
constexpr uint64_t kDeadlineMs = 10'000;
constexpr uint64_t kAcceptPauseMs = 500;

HttpResponse plain(http::status status, std::string text) {
  return {static_cast<unsigned>(status), "text/plain", std::move(text)};
}

std::string serialize(HttpResponse answer, bool with_body) {
  http::response<http::string_body> response;
  response.result(answer.status);
  response.set(http::field::content_type, answer.content_type);
  response.set(http::field::connection, "close");
  if (response.result() == http::status::method_not_allowed)
    response.set(http::field::allow, "GET, HEAD");
  response.body() = std::move(answer.body);
  response.prepare_payload();
  if (!with_body) response.body().clear();  // the length stays: it is that of the body of a GET

  std::string bytes;
  http::serializer<false, http::string_body> serializer(response);
  boost::beast::error_code error;
  while (!error && !serializer.is_done())
    serializer.next(error, [&](boost::beast::error_code&, const auto& buffers) {
      const size_t before = bytes.size();
      for (const auto part : boost::beast::buffers_range_ref(buffers))
        bytes.append(static_cast<const char*>(part.data()), part.size());
      serializer.consume(bytes.size() - before);
    });
  return bytes;
}

}  // namespace

/// Reads a request, writes the response, then waits for the peer to close: closing first, with
/// bytes of the peer unread, would make the kernel drop the response.
class HttpServer::Connection final : public ReadyHandler, public Timer {
 public:
  Connection(HttpServer& server, Fd fd) : server_(server), fd_(std::move(fd)) {
    parser_.header_limit(kMaxHeaderBytes);
  }
  ~Connection() override { server_.loop_.unwatch(fd_.get(), this); }

  Result<void> start() {
    server_.loop_.set_timer(*this, server_.loop_.now_ms() + kDeadlineMs);
    return server_.loop_.watch(fd_.get(), EPOLLIN, this);
  }

 private:
  enum class Stage { kRequest, kResponse, kGoodbye };

  void on_timer() override { end(); }
  void on_ready(uint32_t) override {
    if (stage_ == Stage::kResponse) return write();
    char chunk[4096];
    const ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return end();
    if (stage_ == Stage::kRequest) parse({chunk, static_cast<size_t>(n)});
  }

  void parse(std::string_view chunk) {
    received_ += chunk.size();
    unparsed_ += chunk;
    boost::beast::error_code error;
    const size_t parsed = parser_.put(boost::asio::buffer(unparsed_), error);
    unparsed_.erase(0, parsed);
    if (parser_.is_header_done()) return respond(handle());
    // Beast limits what it has not yet consumed, so many short lines would pass.
    if (error == http::error::header_limit || received_ > kMaxHeaderBytes)
      return respond(plain(http::status::request_header_fields_too_large, "header too large\n"));
    if (error && error != http::error::need_more)
      return respond(plain(http::status::bad_request, "not an HTTP request\n"));
  }

  HttpResponse handle() {
    const auto& request = parser_.get();
    if (request.method() != http::verb::get && request.method() != http::verb::head)
      return plain(http::status::method_not_allowed, "only GET and HEAD are answered\n");
    const std::string_view target(request.target().data(), request.target().size());
    return server_.handler_({std::string(target.substr(0, target.find('?')))});
  }

  void respond(HttpResponse response) {
    unsent_ = serialize(std::move(response), parser_.get().method() != http::verb::head);
    stage_ = Stage::kResponse;
    server_.loop_.rewatch(fd_.get(), EPOLLOUT, this);
  }

  void write() {
    const ssize_t n =
        ::send(fd_.get(), unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return end();
    if (n > 0) sent_ += static_cast<size_t>(n);
    if (sent_ < unsent_.size()) return;
    stage_ = Stage::kGoodbye;
    ::shutdown(fd_.get(), SHUT_WR);
    server_.loop_.rewatch(fd_.get(), EPOLLIN, this);
  }

  // Destroys this.
  void end() { server_.connections_.erase(fd_.get()); }

  HttpServer& server_;
  Fd fd_;
  Stage stage_ = Stage::kRequest;
  http::request_parser<http::empty_body> parser_;
  std::string unparsed_, unsent_;
  size_t received_ = 0, sent_ = 0;
};

HttpServer::HttpServer(Loop& loop, Fd listener, Handler handler)
    : loop_(loop), listener_(std::move(listener)), handler_(std::move(handler)) {}

HttpServer::~HttpServer() {
  loop_.unwatch(listener_.get(), this);
}

Result<std::unique_ptr<HttpServer>> HttpServer::create(Loop& loop, Fd listener, Handler handler) {
  std::unique_ptr<HttpServer> server(new HttpServer(loop, std::move(listener), std::move(handler)));
  HF_TRY(loop.watch(server->listener_.get(), EPOLLIN, server.get()));
  return server;
}

void HttpServer::on_ready(uint32_t) {
  if (connections_.size() < kMaxConnections) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      const int key = fd.get();
      auto connection = std::make_unique<Connection>(*this, std::move(fd));
      if (connection->start()) connections_.emplace(key, std::move(connection));
      return;
    }
    if (errno != EMFILE && errno != ENFILE) return;
  }
  // A connection too many stays ready: without a pause the loop would spin on it.
  loop_.rewatch(listener_.get(), 0, this);
  loop_.set_timer(*this, loop_.now_ms() + kAcceptPauseMs);
}

void HttpServer::on_timer() {
  loop_.rewatch(listener_.get(), EPOLLIN, this);
}

}  // namespace hf
