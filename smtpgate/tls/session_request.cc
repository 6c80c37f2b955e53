// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/session_request.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace smtpgate {
namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kDescriptors = 2;

// Texts end with the field or at a NUL.

/// The one message of the control socket.
struct SessionMessage {
  uint32_t version = kVersion;
  char id[16]{};
};

/// What the terminator writes first.
struct FactsRecord {
  uint32_t version = kVersion;
  char protocol[16]{};
  char cipher[44]{};
};
static_assert(sizeof(FactsRecord) == kTlsFactsSize);

/// Both sides log what the other wrote, so a text holds nothing that could end a line.
bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

template <size_t N>
void put(char (&field)[N], std::string_view text) {
  HF_CHECK(text.size() <= N && printable(text), "a text that the record cannot hold");
  std::ranges::copy(text, field);
}

/// The text of a field that is filled up with NULs; nullopt if it is none or empty.
template <size_t N>
std::optional<std::string> take(const char (&field)[N]) {
  const std::string_view text(field, strnlen(field, N));
  const bool padded = std::all_of(field + text.size(), field + N, [](char c) { return c == '\0'; });
  if (text.empty() || !padded || !printable(text)) return std::nullopt;
  return std::string(text);
}

/// The descriptors of a received message, owned; empty where none came.
std::array<hf::Fd, kDescriptors> descriptors_of(msghdr& message) {
  std::array<hf::Fd, kDescriptors> fds;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
    return fds;
  const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < std::min(count, kDescriptors); ++i) {
    int fd;
    std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
    fds[i] = hf::Fd(fd);
  }
  return fds;
}

}  // namespace

hf::Result<void> send_session(int control_fd, std::string_view id, int client_fd, int plain_fd) {
  HF_CHECK(id.size() == kSessionIdSize, "a connection's id has 13 characters");
  SessionMessage body;
  put(body.id, id);
  const int fds[kDescriptors] = {client_fd, plain_fd};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof fds)]{};
  iovec part{&body, sizeof body};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary;
  message.msg_controllen = sizeof ancillary;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(header), fds, sizeof fds);
  ssize_t n;
  do n = ::sendmsg(control_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0) return hf::fail(hf::sys_error("handing a client to smtpgate-tls"));
  return {};
}

hf::Result<std::optional<SessionRequest>> receive_session(int control_fd) {
  std::array<std::byte, sizeof(SessionMessage) + 1> buffer;  // so that a longer one is not ours
  alignas(cmsghdr) char ancillary[CMSG_SPACE(kDescriptors * sizeof(int))];
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary;
  message.msg_controllen = sizeof ancillary;
  ssize_t n;
  do n = ::recvmsg(control_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0) return hf::fail(hf::sys_error("receiving a client"));

  auto fds = descriptors_of(message);
  if (n == 0) return std::nullopt;
  HF_TRY_ASSIGN(std::string id, parse_session_message(std::span(buffer).first(n)));
  if ((message.msg_flags & MSG_CTRUNC) != 0 || !fds[0] || !fds[1])
    return hf::fail("control message: two descriptors belong to it");
  return SessionRequest{std::move(id), std::move(fds[0]), std::move(fds[1])};
}

hf::Result<std::string> parse_session_message(std::span<const std::byte> bytes) {
  SessionMessage body;
  if (bytes.size() != sizeof body) return hf::fail("control message: wrong size");
  std::memcpy(&body, bytes.data(), sizeof body);
  if (body.version != kVersion)
    return hf::fail("control message: of another version, so restart smtpgate");
  auto id = take(body.id);
  if (!id || id->size() != kSessionIdSize) return hf::fail("control message: this is no id");
  return std::move(*id);
}

std::array<std::byte, kTlsFactsSize> encode(const TlsFacts& facts) {
  FactsRecord record;
  put(record.protocol, facts.protocol);
  put(record.cipher, facts.cipher);
  std::array<std::byte, kTlsFactsSize> bytes;
  std::memcpy(bytes.data(), &record, sizeof record);
  return bytes;
}

hf::Result<TlsFacts> parse_tls_facts(std::span<const std::byte, kTlsFactsSize> bytes) {
  FactsRecord record;
  std::memcpy(&record, bytes.data(), sizeof record);
  auto protocol = take(record.protocol), cipher = take(record.cipher);
  if (record.version != kVersion || !protocol || !cipher)
    return hf::fail("smtpgate-tls wrote something else than the facts of a handshake");
  return TlsFacts{std::move(*protocol), std::move(*cipher)};
}

}  // namespace smtpgate
