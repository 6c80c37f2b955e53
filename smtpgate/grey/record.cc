// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/grey/record.h"

#include <sodium.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/os/file.h"

namespace smtpgate {
namespace {

static_assert(crypto_shorthash_siphashx24_BYTES == sizeof(GreyId));
static_assert(crypto_shorthash_siphashx24_KEYBYTES == 16);

constexpr std::array<std::string_view, 3> kKinds = {"spf", "ptr", "net"};

template <class T>
void put(char*& to, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) *to++ = static_cast<char>(value >> 8 * i & 0xff);
}

template <class T>
void take(const char*& from, T& value) {
  value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value |= static_cast<T>(static_cast<T>(static_cast<uint8_t>(*from++)) << 8 * i);
}

}  // namespace

std::string_view name_of(GreyScopeKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

GreyScopeKind kind_of(std::string_view scope) {
  for (size_t i = 0; i < kKinds.size(); ++i)
    if (scope.starts_with(kKinds[i])) return static_cast<GreyScopeKind>(i);
  HF_CHECK(false, "a scope of no kind");
}

std::array<char, kGreyRecordBytes> encode(const GreyRecord& record) {
  std::array<char, kGreyRecordBytes> bytes;
  char* to = bytes.data();
  put(to, record.first);
  put(to, record.last);
  put(to, record.passed);
  put(to, record.tries);
  put(to, static_cast<uint8_t>(record.kind));
  put(to, record.client);
  return bytes;
}

std::optional<GreyRecord> decode_grey_record(std::string_view bytes) {
  if (bytes.size() != kGreyRecordBytes) return std::nullopt;
  const char* from = bytes.data();
  GreyRecord record;
  uint8_t kind = 0;
  take(from, record.first);
  take(from, record.last);
  take(from, record.passed);
  take(from, record.tries);
  take(from, kind);
  take(from, record.client);
  if (kind >= kKinds.size()) return std::nullopt;
  record.kind = static_cast<GreyScopeKind>(kind);
  return record;
}

uint64_t short_id(const GreyId& id) {
  const char* from = reinterpret_cast<const char*>(id.data());
  uint64_t value;
  take(from, value);
  return value;
}

GreyId try_id(const GreyId& mail, const GreyId& scope) {
  GreyId id = mail;
  std::copy_n(scope.begin(), id.size() / 2, id.begin() + id.size() / 2);
  return id;
}

hf::Result<GreyKey> GreyKey::read(const std::string& path) {
  HF_TRY_ASSIGN(const std::string bytes, hf::read_file(path, 4096));
  GreyKey key;
  if (bytes.size() != key.secret_.size())
    return hf::fail(fmt::format(
        "{}: it holds {} bytes, a key has {}: move it and grey.mdb away, a new greylist is begun",
        path, bytes.size(), key.secret_.size()));
  std::memcpy(key.secret_.data(), bytes.data(), bytes.size());
  return key;
}

hf::Result<GreyKey> GreyKey::read_or_make(const std::string& path) {
  auto key = read(path);
  if (key || key.error().sys != ENOENT) return key;
  if (::sodium_init() < 0) return hf::fail("libsodium finds no source of random bytes");
  std::string secret(sizeof secret_, '\0');
  ::randombytes_buf(secret.data(), secret.size());
  HF_TRY(hf::write_file_atomically(path, secret, 0600));
  return read(path);
}

GreyId GreyKey::hash(std::string_view bytes) const {
  GreyId id;
  ::crypto_shorthash_siphashx24(id.data(), reinterpret_cast<const uint8_t*>(bytes.data()),
                                bytes.size(), secret_.data());
  return id;
}

// What is hashed begins with a letter of its own, so that no two kinds of things meet.

GreyId GreyKey::scope_id(std::string_view scope) const {
  return hash(std::string("s").append(scope));
}

GreyId GreyKey::mail_id(std::string_view sender, std::string_view recipient) const {
  return hash(fmt::format("m{} {}{}", sender.size(), sender, recipient));
}

uint64_t GreyKey::client_id(const hf::IpAddress& client) const {
  const auto& bytes = client.bytes();
  return short_id(hash(std::string("c").append(bytes.begin(), bytes.end())));
}

}  // namespace smtpgate
