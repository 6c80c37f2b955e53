// SPDX-License-Identifier: Apache-2.0
// The policy, in simulated time.
#include "smtpgate/grey/greylist.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "smtpgate/grey/test_grey.h"

using namespace smtpgate;
using enum GreyAnswer;

TEST_CASE("a retry passes from the sixtieth second on") {
  for (const bool committed : {false, true}) {
    CAPTURE(committed);
    GreyLab lab;
    const auto mail = attempt_from("192.0.2.1");
    CHECK(lab.answer(mail) == kNew);
    if (committed) lab.commit();
    lab.after_s(59);
    const auto early = lab.grey().decide(mail);
    CHECK(early.answer == kEarly);
    CHECK(early.waited_s == 59);
    CHECK(early.tries == 2);
    if (committed) lab.commit();
    lab.after_s(1);
    const auto passed = lab.grey().decide(mail);
    CHECK(passed.answer == kPassed);
    CHECK(passed.waited_s == 60);
    CHECK(passed.tries == 3);
    CHECK(passed.scope == "net:192.0.2.0/24");
    if (committed) lab.commit();
    const auto known = lab.grey().decide(mail);
    CHECK(known.answer == kKnown);
    CHECK(known.scope == "net:192.0.2.0/24");
  }
}

TEST_CASE("retries inside the embargo do not start it anew") {
  GreyLab lab;
  const auto mail = attempt_from("192.0.2.1");
  CHECK(lab.answer(mail) == kNew);
  for (int i = 0; i < 5; ++i) {
    lab.after_s(10);
    CHECK(lab.answer(mail) == kEarly);
  }
  lab.after_s(10);
  CHECK(lab.answer(mail) == kPassed);
}

TEST_CASE("a retry counts until the window's last second, then it is a first try") {
  for (const bool late : {false, true}) {
    GreyLab lab;
    const auto mail = attempt_from("192.0.2.1");
    lab.grey().decide(mail);
    lab.commit();
    lab.after_s(24 * 3600 + (late ? 1 : 0));
    CHECK(lab.answer(mail) == (late ? kNew : kPassed));
    if (!late) continue;
    lab.after_s(60);
    CHECK(lab.answer(mail) == kPassed);
  }
}

TEST_CASE("another address of the same sender is recognised by any scope they share") {
  struct Case {
    std::string what;
    GreyAttempt first, retry;
    std::string scope;  // empty: they share none
  };
  const Case cases[] = {
      {"SPF", attempt_from("192.0.2.1", "", "Sender.example"),
       attempt_from("198.51.100.9", "", "sender.example"), "spf:sender.example"},
      {"name", attempt_from("192.0.2.1", "out1.mail.sender.example"),
       attempt_from("198.51.100.9", "out2.sender.example."), "ptr:sender.example"},
      {"network", attempt_from("192.0.2.1"), attempt_from("192.0.2.254"), "net:192.0.2.0/24"},
      {"IPv6 network", attempt_from("2001:db8::1"), attempt_from("2001:db8::ffff:2"),
       "net:2001:db8::/64"},
      {"SPF gone, network left", attempt_from("192.0.2.1", "", "sender.example"),
       attempt_from("192.0.2.2"), "net:192.0.2.0/24"},
      {"nothing", attempt_from("192.0.2.1"), attempt_from("192.0.3.1"), ""},
      {"a name that tells the address only",
       attempt_from("192.0.2.1", "192-0-2-1.dyn.sender.example"),
       attempt_from("198.51.100.9", "198-51-100-9.dyn.sender.example"), ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    GreyLab lab;
    CHECK(lab.answer(c.first) == kNew);
    lab.after_s(60);
    const auto decision = lab.grey().decide(c.retry);
    CHECK(decision.answer == (c.scope.empty() ? kNew : kPassed));
    CHECK(decision.scope == c.scope);
  }
}

TEST_CASE("a chain of places stays one mail") {
  GreyLab lab;
  CHECK(lab.answer(attempt_from("192.0.2.1", "", "sender.example")) == kNew);
  lab.after_s(20);
  CHECK(lab.answer(attempt_from("198.51.100.1", "", "sender.example")) == kEarly);
  lab.after_s(40);
  // SPF could not be asked this time; the second try's network remembers the first try's time.
  const auto decision = lab.grey().decide(attempt_from("198.51.100.2"));
  CHECK(decision.answer == kPassed);
  CHECK(decision.waited_s == 60);
  CHECK(decision.tries == 3);
}

TEST_CASE("after a success every scope of the client is known-good, and only those") {
  GreyLab lab;
  const auto mail = attempt_from("192.0.2.1", "out1.ptr.example", "spf.example");
  lab.grey().decide(mail);
  lab.after_s(60);
  CHECK(lab.answer(mail) == kPassed);
  auto other = attempt_from("192.0.2.77");
  other.sender = "somebody@else.example";
  CHECK(lab.answer(other) == kKnown);
  CHECK(lab.answer(attempt_from("203.0.113.1", "out9.ptr.example")) == kKnown);
  CHECK(lab.answer(attempt_from("203.0.113.1", "", "spf.example")) == kKnown);
  CHECK(lab.answer(attempt_from("203.0.113.1")) == kNew);
  CHECK(lab.grey().is_known(scopes_of(ip("192.0.2.9"), "", "")));
  CHECK_FALSE(lab.grey().is_known(scopes_of(ip("203.0.113.1"), "", "")));
}

TEST_CASE("known-good lasts for its time since the last use") {
  GreyLab lab;
  constexpr uint64_t kDay = 24 * 3600;
  const auto mail = attempt_from("192.0.2.1");
  lab.grey().decide(mail);
  lab.after_s(60);
  lab.grey().decide(mail);
  lab.after_s(35 * kDay);
  CHECK(lab.grey().is_known(mail.scopes));  // a use
  lab.after_s(35 * kDay);
  CHECK(lab.answer(mail) == kKnown);  // another
  lab.commit();
  lab.after_s(36 * kDay + 1);
  CHECK_FALSE(lab.grey().is_known(mail.scopes));
  CHECK(lab.answer(mail) == kNew);
}

TEST_CASE("what a sender varies from try to try does not make another mail") {
  struct Case {
    std::string first, retry;
    GreyAnswer answer;
  };
  for (const Case& c : {
           Case{"prvs=123456789a=bob@sender.example", "prvs=2234aaaaaa=bob@sender.example",
                kPassed},
           Case{"bounces+8812-amy=here.example@list.example",
                "bounces+8813-amy=here.example@list.example", kPassed},
           Case{"bounce-1-2@list.example", "bounce-1-3@LIST.example", kPassed},
           Case{"", "", kPassed},
           Case{"bob@sender.example", "rob@sender.example", kNew},
           Case{"", "bob@sender.example", kNew},
       }) {
    CAPTURE(c.first);
    GreyLab lab;
    auto mail = attempt_from("192.0.2.1");
    mail.sender = c.first;
    lab.grey().decide(mail);
    lab.after_s(60);
    mail.sender = c.retry;
    CHECK(lab.answer(mail) == c.answer);
  }
  GreyLab lab;
  auto mail = attempt_from("192.0.2.1");
  mail.recipient = "amy+shop@here.example";
  lab.grey().decide(mail);
  lab.after_s(60);
  mail.recipient = "Amy+other@here.example";
  CHECK(lab.answer(mail) == kPassed);
}

TEST_CASE("a mail to a hundred recipients waits once, by its first") {
  // The gate asks at the first RCPT of a mail only; the retry may leave out who had it already.
  GreyLab lab;
  auto offer = [&](int first_recipient) {
    auto mail = attempt_from("192.0.2.1");
    mail.recipient = fmt::format("reader{}@here.example", first_recipient);
    return lab.grey().decide(mail).answer;
  };
  CHECK(offer(0) == kNew);
  lab.after_s(60);
  CHECK(offer(0) == kPassed);
  for (int i = 1; i < 100; ++i) CHECK(offer(i) == kKnown);
}

TEST_CASE("two threads, as two MX of one greylist, take no retry for a first try") {
  GreyLab lab;
  constexpr int kMails = 500;
  std::vector<std::atomic<int>> firsts(kMails), passes(kMails);
  auto offer_all = [&](std::string_view client) {
    for (int i = 0; i < kMails; ++i) {
      auto mail = attempt_from(client, "", "sender.example");
      mail.sender = fmt::format("{}{}@sender.example", std::string(i / 20 + 1, 'x'),
                                static_cast<char>('a' + i % 20));
      const GreyAnswer answer = lab.answer(mail);
      firsts[i] += answer == kNew;
      passes[i] += answer == kPassed;
    }
  };
  auto both_mx = [&] {
    std::atomic<bool> done = false;
    std::jthread keeper([&] {
      while (!done) CHECK(lab.grey().commit());
    });
    { std::jthread one(offer_all, "192.0.2.1"), other(offer_all, "198.51.100.1"); }
    done = true;
  };
  both_mx();
  for (const auto& count : firsts) CHECK(count == 1);
  for (const auto& count : passes) CHECK(count == 0);
  lab.after_s(60);
  both_mx();
  // The first to pass makes the sender known-good for both.
  int passed = 0;
  for (const auto& count : passes) passed += count;
  CHECK(passed == 1);
  for (const auto& count : firsts) CHECK(count == 1);
}

TEST_CASE("flush forgets what waits, forget what is known of a client") {
  for (const bool committed : {false, true}) {
    CAPTURE(committed);
    GreyLab lab;
    const auto good = attempt_from("192.0.2.1", "", "good.example");
    const auto other = attempt_from("198.51.100.1");
    lab.grey().decide(good);
    lab.after_s(60);
    CHECK(lab.answer(good) == kPassed);
    CHECK(lab.answer(other) == kNew);
    if (committed) lab.commit();
    const auto flushed = lab.grey().flush();
    REQUIRE(flushed);
    CHECK(*flushed == (committed ? 3 : 0));  // two of `good`, one of `other`
    CHECK(lab.answer(good) == kKnown);
    CHECK(lab.answer(other) == kNew);
    lab.after_s(60);
    CHECK(lab.answer(other) == kPassed);
    if (committed) lab.commit();

    const auto forgotten = lab.grey().forget(ip("192.0.2.1"));
    REQUIRE(forgotten);
    CHECK(*forgotten == (committed ? 2 : 0));
    CHECK(lab.answer(attempt_from("203.0.113.1", "", "good.example")) == kNew);
    CHECK(lab.answer(good) == kEarly);  // by the try just made
    CHECK(lab.answer(other) == kKnown);
  }
}

TEST_CASE("what is due goes in slices, and takes nothing else with it") {
  GreyLab lab;
  for (int i = 0; i < 50; ++i) lab.grey().decide(attempt_from(fmt::format("10.0.{}.1", i)));
  lab.after_s(60);
  CHECK(lab.answer(attempt_from("10.0.0.1")) == kPassed);
  lab.commit();
  lab.after_s(24 * 3600 - 60);
  lab.grey().decide(attempt_from("10.1.0.1"));
  lab.commit();
  CHECK(lab.grey().expire_some(1000) == 0u);  // the window's last second
  lab.after_s(1);
  CHECK(lab.grey().expire_some(30) == 30u);
  CHECK(lab.grey().expire_some(30) == 20u);
  CHECK(lab.grey().expire_some(30) == 0u);
  const auto size = lab.grey().size();
  REQUIRE(size);
  CHECK(size->pending == 1);
  CHECK(size->known == 1);
  lab.after_s(36 * 24 * 3600);
  CHECK(lab.grey().expire_some(30) == 2u);
}

TEST_CASE("at the limit the oldest pending go first") {
  GreyLab lab;
  lab.options.max_entries = 100;
  lab.reopen();
  lab.grey().decide(attempt_from("10.9.0.1"));
  lab.after_s(60);
  CHECK(lab.answer(attempt_from("10.9.0.1")) == kPassed);
  for (int i = 0; i < 250; ++i) {
    lab.grey().decide(attempt_from(fmt::format("10.0.{}.1", i)));
    lab.after_s(1);
    if (i % 10 == 9) lab.commit();
  }
  const auto size = lab.grey().size();
  REQUIRE(size);
  CHECK(size->known == 1);
  CHECK(size->pending == 99);
  CHECK(lab.answer(attempt_from("10.0.151.1")) == kPassed);
  CHECK(lab.answer(attempt_from("10.0.150.1")) == kNew);
  CHECK(lab.answer(attempt_from("10.9.0.1")) == kKnown);
}
