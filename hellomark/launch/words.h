// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/core/result.h"

namespace hellomark {

/// Splits a command as a POSIX shell would that knows quotes and backslashes and nothing else
/// (Shell Command Language, 2.2): no variables, no patterns, no pipes. An open quote is an error.
hf::Result<std::vector<std::string>> split_words(std::string_view text);
/// What split_words() and a shell read back as `words`.
std::string join_words(std::span<const std::string> words);

/// "{name}" in `text` becomes the value, for each name.
std::string fill_in(std::string text,
                    std::span<const std::pair<std::string, std::string>> parameters);
/// "1,2,3" as its parts; a backslash keeps a comma.
std::vector<std::string> split_list(std::string_view text);
/// The numbers from `min` to `max` by `step`, written with as many decimals as the three have. The
/// error says what is wrong with them; more than 1,000 are.
hf::Result<std::vector<std::string>> number_range(std::string_view min, std::string_view max,
                                                  std::string_view step);

}  // namespace hellomark
