// SPDX-License-Identifier: Apache-2.0
#include "hellomark/launch/words.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/core.h>

namespace hellomark {
namespace {

constexpr double kMostSteps = 1000;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-./:=,+@%").find(c) != std::string_view::npos;
}

hf::Result<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) ||
      text.find('e') != text.npos)
    return hf::fail(fmt::format("\"{}\" is not a number such as 10 or 0.5", text));
  return value;
}

size_t decimals(std::string_view text) {
  const size_t point = text.find('.');
  return point == text.npos ? 0 : text.size() - point - 1;
}

}  // namespace

hf::Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
      continue;
    }
    if (!word) word.emplace();
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size() &&
               (quote == 0 || std::string_view("$`\"\\\n").find(text[i + 1]) != text.npos)) {
      if (text[++i] != '\n') *word += text[i];
    } else {
      *word += c;
    }
  }
  if (quote != 0) return hf::fail(fmt::format("a {} is not closed in: {}", quote, text));
  if (word) words.push_back(*word);
  return words;
}

std::string join_words(std::span<const std::string> words) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += ' ';
    if (!word.empty() && std::ranges::all_of(word, is_plain)) {
      out += word;
      continue;
    }
    out += '\'';
    for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    out += '\'';
  }
  return out;
}

std::string fill_in(std::string text,
                    std::span<const std::pair<std::string, std::string>> parameters) {
  for (const auto& [name, value] : parameters) {
    const std::string hole = "{" + name + "}";
    for (size_t at = 0; (at = text.find(hole, at)) != text.npos; at += value.size())
      text.replace(at, hole.size(), value);
  }
  return text;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',') {
      parts.emplace_back();
    } else {
      if (text[i] == '\\' && i + 1 < text.size()) ++i;
      parts.back() += text[i];
    }
  }
  return parts;
}

hf::Result<std::vector<std::string>> number_range(std::string_view min_text,
                                                  std::string_view max_text,
                                                  std::string_view step_text) {
  HF_TRY_ASSIGN(const double min, number(min_text));
  HF_TRY_ASSIGN(const double max, number(max_text));
  HF_TRY_ASSIGN(const double step, number(step_text));
  if (max < min) return hf::fail(fmt::format("{} is below {}", max_text, min_text));
  if (step <= 0) return hf::fail(fmt::format("a step of {} never ends", step_text));
  const double count = std::floor((max - min) / step * (1 + 1e-12)) + 1;
  if (count > kMostSteps) return hf::fail(fmt::format("{:.0f} steps are more than 1000", count));
  const size_t digits =
      std::min<size_t>(std::max({decimals(min_text), decimals(max_text), decimals(step_text)}), 17);
  std::vector<std::string> values;
  for (int i = 0; i < static_cast<int>(count); ++i)
    values.push_back(fmt::format("{:.{}f}", min + i * step, digits));
  return values;
}

}  // namespace hellomark
