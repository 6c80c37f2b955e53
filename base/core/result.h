// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace hf {

/// Why something outside the program's control went wrong. `message` is for a person: what was
/// wrong, where, and what to do. `sys` is the errno behind it, or 0.
struct Error {
  std::string message;
  int sys = 0;

  /// The same error told from one level further out: "context: message".
  Error within(std::string_view context) &&;
};

/// "what: strerror(errno)" as an Error; call it before anything can change errno.
Error sys_error(std::string_view what);
Error sys_error(std::string_view what, int errno_value);

/// The value of fallible work, or the Error. Ignoring one is a compiler warning, so an error here.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

/// Makes the error arm of a Result: `return fail("…")`.
inline tl::unexpected<Error> fail(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message), 0});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// Prints place and message, then aborts: for bugs of ours, never for bad input.
[[noreturn]] void check_failed(const char* condition, std::string_view message,
                               std::source_location where = std::source_location::current());

}  // namespace hf

#define HF_CHECK(condition, message) \
  (__builtin_expect(!!(condition), 1) ? (void)0 : ::hf::check_failed(#condition, message))

#define HF_CONCAT_(a, b) a##b
#define HF_CONCAT(a, b) HF_CONCAT_(a, b)

/// Returns the error of `expr` from the enclosing function, else goes on.
#define HF_TRY(expr)                                                              \
  do {                                                                            \
    if (auto hf_try_result = (expr); !hf_try_result)                              \
      return ::hf::fail(std::move(hf_try_result).error());                        \
  } while (0)

/// `decl` becomes the value of `expr`, or its error is returned from the enclosing function.
#define HF_TRY_ASSIGN(decl, expr) HF_TRY_ASSIGN_(HF_CONCAT(hf_try_, __LINE__), decl, expr)
#define HF_TRY_ASSIGN_(tmp, decl, expr)                     \
  auto tmp = (expr);                                        \
  if (!tmp) return ::hf::fail(std::move(tmp).error());      \
  decl = std::move(*tmp)
