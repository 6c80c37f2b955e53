#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No wrong, broken or missing DNS answer refuses a client; a list that goes mad stops counting."""
import socket
import unittest

from lab import Client, Gate, ScriptedDns, Sink, eventually, free_address, main
from lab.dns import A, CNAME, REFUSED, SERVFAIL


def listed(query):
    return [query.a("127.0.0.2")]


def truncated(query):
    return listed(query) if query.by_tcp else [query.reply(flags=0x8380)]


def other_question(query):
    return [query.a("127.0.0.2", question=b"\x05wrong\x04test\0\0\1\0\1")]


def alias(query):
    return [query.reply((query.name, CNAME, 60, b"\x01x\x04test\0"),
                        ("x.test", A, 60, socket.inet_aton("127.0.0.2")))]


# name: (answers, does the client count as listed, what the log says of the list)
ANSWERS = {
    "listed": (listed, True, "127.0.0.2"),
    "not listed": (lambda q: [q.negative()], False, "-"),
    "no data": (lambda q: [q.negative(rcode=0)], False, "-"),
    "several": (lambda q: [q.a("127.0.0.9", "127.0.0.2")], True, "127.0.0.9,127.0.0.2"),
    "mistyped zone": (lambda q: [q.a("127.255.255.252")], False, "?"),
    "open resolver": (lambda q: [q.a("127.255.255.254")], False, "?"),
    "too many queries": (lambda q: [q.a("127.255.255.255")], False, "?"),
    "test address": (lambda q: [q.a("127.0.0.1")], False, "-"),
    "rewritten NXDOMAIN": (lambda q: [q.a("8.8.8.8")], False, "-"),
    "alias": (alias, True, "127.0.0.2"),
    "SERVFAIL": (lambda q: [q.negative(SERVFAIL)], False, "?"),
    "REFUSED": (lambda q: [q.reply(rcode=REFUSED)], False, "?"),
    "truncated, then TCP": (truncated, True, "127.0.0.2"),
    "wrong id": (lambda q: [q.a("127.0.0.2", id_xor=0x5555)], False, "?"),
    "wrong question": (other_question, False, "?"),
    "too late": (lambda q: [(1.5, q.a("127.0.0.2"))], False, "?"),
    "twice": (lambda q: listed(q) * 2, True, "127.0.0.2"),
    "never": (lambda q: [], False, "?"),
    "garbage": (lambda q: [q.wire[:2] + b"\xff" * 40], False, "?"),
    "cut off": (lambda q: [q.a("127.0.0.2")[:-3]], False, "?"),
    "empty datagram": (lambda q: [b""], False, "?"),
}


class DnsAnswers(unittest.TestCase):
    def site(self, script, zone, **extra):
        dns = ScriptedDns(script)
        return dns, Gate({"dns": {"servers": [dns.address], "timeout": "500ms"},
                          "limits": {"rate_ip": "0/min"}, "banner": {"wait": "900ms"},
                          "dnsbl": [{"zone": zone, "trusted": True, **extra}]})

    def visit(self, gate, address):
        with Client(address) as client:
            self.assertEqual(client.reply().code, 220)
            said = client.command("EHLO c.example").code
            client.command("QUIT")
        return said, gate.line(address)

    def test_every_answer(self):
        for name, (answer, is_listed, told) in ANSWERS.items():
            dns, gate = self.site({"bl.test": answer}, "bl.test*8")
            with self.subTest(name), dns, Sink(), gate:
                said, line = self.visit(gate, free_address())
                self.assertEqual(said, 550 if is_listed else 250, line)
                self.assertEqual(line["lists"], f"bl.test:{told}")
                self.assertEqual(line["partial"], "1" if told == "?" else "0")
                self.assertEqual(gate.process.poll(), None)

    def test_a_failing_list_is_not_remembered_as_a_pass(self):
        dns, gate = self.site({"bl.test": lambda q: [] if q.number < 3 else listed(q)}, "bl.test*8")
        with dns, Sink(), gate:
            address = free_address()
            self.assertEqual(self.visit(gate, address)[0], 250)
            # Known silent, yet not known unlisted: the next visit goes by the list again.
            self.assertFalse(gate.cli_json("why", address, "--no-dns", check=None)["known_good"])

    def test_world_listing_zone_stops_counting(self):
        dns, gate = self.site({"bl.test": listed}, "bl.test*8")
        with dns, Sink(), gate:
            for _ in range(11):
                clients = [Client(free_address()) for _ in range(20)]
                for client in clients:
                    client.reply()
                    client.command("QUIT")
                    client.close()
            eventually(lambda: "does not count for now" in gate.log_text(), 5)
            said, _ = self.visit(gate, free_address())
            self.assertEqual(said, 250, "mail must flow when a list lists the world")
            self.assertEqual(gate.metrics()['smtpgate_list_breaker_state{zone="bl.test"}'], 1)
            self.assertEqual(gate.cli_json("lists")[0]["state"], "open")

    def test_error_code_opens_the_breaker_at_once(self):
        dns, gate = self.site({"bl.test": lambda q: [q.a("127.255.255.254")]}, "bl.test*8")
        with dns, Sink(), gate:
            self.visit(gate, free_address())
            self.visit(gate, free_address())
            self.assertEqual(dns.times_asked("bl.test"), 1)

    def test_budget_is_kept(self):
        dns, gate = self.site({"bl.test": lambda q: [q.negative()]}, "bl.test*8", budget="5/h")
        with dns, Sink(), gate:
            for _ in range(8):
                self.assertEqual(self.visit(gate, free_address())[0], 250)
            self.assertEqual(dns.times_asked("bl.test"), 5)
            self.assertEqual(gate.cli_json("lists")[0]["skipped"], 3)

    def test_answers_are_kept_for_their_time(self):
        dns, gate = self.site({"bl.test": listed}, "bl.test*8")
        with dns, Sink(), gate:
            address = free_address()
            for count in (1, 2, 3):
                with Client(address) as client:
                    client.reply()
                    self.assertEqual(client.command("EHLO c.example").code, 550)
                    client.command("QUIT")
                gate.wait_for_lines(count)
            self.assertEqual(dns.times_asked("bl.test"), 1)
            self.assertEqual(gate.metrics()["smtpgate_dns_cache_hits_total"], 2)


main()
