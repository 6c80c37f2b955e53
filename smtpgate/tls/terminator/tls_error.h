// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace smtpgate {

/// Why OpenSSL's last call failed, in its words, such as "no shared cipher"; empties its queue.
std::string tls_error();

}  // namespace smtpgate
