// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <openssl/types.h>

#include "base/core/result.h"

namespace smtpgate {

/// Where a certificate with its chain, and its key, are found; both in PEM. May be the same file.
struct PairPaths {
  std::string certificate;
  std::string key;
};

/// The content of the file at a path; the error names the path.
using ReadFile = std::function<hf::Result<std::string>(const std::string& path)>;

/// A certificate that can be served.
struct Certificate {
  std::vector<std::shared_ptr<X509>> chain;  // our own first
  std::shared_ptr<EVP_PKEY> key;
  std::string summary;                // "RSA, 2048 bits, valid until 2027-02-01T00:00:00Z"
  std::vector<std::string> warnings;  // what a client could dislike: expired, weak
};

/// Loads a pair. What keeps it from being served is an error: missing, unreadable, encrypted, no
/// PEM, or a key of another certificate. `now` is in Unix seconds.
hf::Result<Certificate> load_certificate(const PairPaths& paths, const ReadFile& read, int64_t now);

}  // namespace smtpgate
