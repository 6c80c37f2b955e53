// SPDX-License-Identifier: Apache-2.0
// A resolver over a few lines of text, for the tests of this room.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include "base/core/text.h"
#include "base/net/resolver.h"

namespace smtpgate {

/// Holds lines of "name TYPE data", and answers when told to. Of one name and type there may be
/// several lines; "name TYPE !" is a question that nobody answers. What is not there is NXDOMAIN.
class FakeDns final : public hf::Resolver {
 public:
  explicit FakeDns(std::string_view zone = "") { add(zone); }

  void add(std::string_view zone) {
    for (const std::string_view line : hf::split(zone, '\n')) {
      const auto words = hf::split_blanks(line);
      if (words.empty()) continue;
      REQUIRE_MESSAGE(words.size() >= 2, std::string(line));
      const size_t data = static_cast<size_t>(words[1].end() - line.begin());
      add(words[0], words[1], line.substr(std::min(data + 1, line.size())));
    }
  }

  void add(std::string_view name, std::string_view type_name, std::string_view data) {
    static const std::map<std::string_view, hf::DnsType> kTypes = {{"A", hf::DnsType::kA},
                                                                   {"AAAA", hf::DnsType::kAaaa},
                                                                   {"MX", hf::DnsType::kMx},
                                                                   {"PTR", hf::DnsType::kPtr},
                                                                   {"TXT", hf::DnsType::kTxt}};
    const hf::DnsType type = kTypes.at(type_name);
    hf::DnsReply& reply = replies_[{hf::to_lower(name), type}];
    reply.status = data == "!" ? hf::DnsStatus::kTimeout : hf::DnsStatus::kAnswer;
    if (data == "!") return;
    if (type == hf::DnsType::kA || type == hf::DnsType::kAaaa)
      reply.addresses.push_back(*hf::IpAddress::parse(data));
    else
      reply.texts.emplace_back(data);
  }

  void ask(std::string_view name, hf::DnsType type, Callback done) override {
    ++asked;
    questions_.push_back({hf::to_lower(name), type, std::move(done)});
  }

  /// Answers until nothing more is asked.
  void answer_all() {
    while (!questions_.empty()) {
      const Question question = std::move(questions_.front());
      questions_.pop_front();
      const auto known = replies_.find({question.name, question.type});
      question.done(known == replies_.end() ? hf::DnsReply{hf::DnsStatus::kNoData, 0, {}, {}}
                                            : known->second);
    }
  }

  size_t asked = 0;

 private:
  struct Question {
    std::string name;
    hf::DnsType type;
    Callback done;
  };
  std::deque<Question> questions_;
  std::map<std::pair<std::string, hf::DnsType>, hf::DnsReply> replies_;
};

}  // namespace smtpgate
