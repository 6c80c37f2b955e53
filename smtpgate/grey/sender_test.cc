// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/grey/sender.h"

#include <string>

#include <doctest/doctest.h>

using namespace smtpgate;

namespace {

struct Case {
  std::string in, out;
};

}  // namespace

TEST_CASE("senders in one form") {
  for (const Case& c : {
           Case{"", "<>"},
           {"Bob@Example.COM", "bob@example.com"},
           {"bob@example.com.", "bob@example.com"},
           {"postmaster", "postmaster"},
           {"mary-ann@example.com", "mary-ann@example.com"},
           {"\"a@b\"@example.com", "\"a@b\"@example.com"},
           // BATV
           {"prvs=0123abcdef=bob@example.com", "bob@example.com"},
           {"prvs=bob=0123ABCDEF@example.com", "bob@example.com"},
           {"prvs=4512d9b3f=bob@example.com", "bob@example.com"},
           {"btv1==512fcc9fbb3==bob@example.com", "bob@example.com"},
           {"msprvs1=17969a8a8jpXA=bounces-42-9@bounces.example", "bounces@bounces.example"},
           {"prvs=@example.com", "prvs@example.com"},
           {"prvs=0123abcdef=@example.com", "prvs@example.com"},
           // SRS
           {"SRS0=HHH=TT=example.com=bob@forwarder.example", "bob@example.com"},
           {"SRS0+HHH=TT=example.com=bob@forwarder.example", "bob@example.com"},
           {"srs0-A-h=TT=Example.com=bob@forwarder.example", "bob@example.com"},
           {"SRS1=HHH=first.example==HHH=TT=example.com=bob@second.example", "bob@example.com"},
           {"SRS1=HHH=first.example=-HHH=TT=example.com=bob@second.example", "bob@example.com"},
           {"SRS0=HHH=TT=example.com=prvs=0123abcdef=bob@forwarder.example", "bob@example.com"},
           {"SRS0=HHH=TT=example.com=news-42-a@forwarder.example", "news@example.com"},
           {"SRS0=HHH=TT=example.com.=bob@forwarder.example", "bob@example.com"},
           {"SRS0=HHH=TT==bob@forwarder.example", "srs#@forwarder.example"},
           {"SRS0=HHH@forwarder.example", "srs#@forwarder.example"},
           {"SRS1=HHH=first.example@second.example", "srs#@second.example"},
           // VERP and extensions
           {"list-bounces+amy=here.example@list.example", "list-bounces@list.example"},
           {"list-return-42-amy=here.example@list.example", "list@list.example"},
           {"bounce-42_HTML-1234-56@mta.example", "bounce@mta.example"},
           {"bob+shop@example.com", "bob@example.com"},
           {"+bob@example.com", "+bob@example.com"},
           {"-1@example.com", "-#@example.com"},
           // numbers
           {"user2024@example.com", "user#@example.com"},
           {"a1b22c@example.com", "a#b#c@example.com"},
           {"0100018c1f2e3d4b-5af0@mail.example", "#@mail.example"},
           {"jh7cwq2mnk4x.y@mail.example", "#.y@mail.example"},
       }) {
    CAPTURE(c.in);
    CHECK(normalise_sender(c.in) == c.out);
  }
}

TEST_CASE("recipients in one form") {
  for (const Case& c : {
           Case{"Amy@Here.Example", "amy@here.example"},
           {"amy+shop@here.example", "amy@here.example"},
           {"amy2+shop+more@here.example", "amy2@here.example"},
           {"+amy@here.example", "+amy@here.example"},
           {"Postmaster", "postmaster"},
           {"", ""},
       }) {
    CAPTURE(c.in);
    CHECK(normalise_recipient(c.in) == c.out);
  }
}
