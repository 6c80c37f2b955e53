#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""RFC 5321 as a table: what the gate itself says to a client it refuses, rule by rule."""
import unittest

from lab import Client, Gate, ScriptedDns, Sink, free_address, main

DENIED, LISTED = "11.251.0.1", "11.252.0.1"
EARLY = b"NOOP\r\n"

# rule: (who, [(said, expected code)...]); None is the server's close. An early talker has said NOOP
# before its greeting; a denied client gets its 554 in place of a greeting.
RULES = {
    "3.1 greeting 554, then QUIT": ("denied", [(None, 554), ("QUIT", 221), (None, None)]),
    "3.1 503 to all but QUIT after a 554 greeting": (
        "denied", [(None, 554), ("EHLO c.example", 503), ("MAIL FROM:<a@b.example>", 503),
                   ("NOOP", 503), ("QUIT", 221), (None, None)]),
    "4.2.1 one code in a multi-line greeting": ("early", [(None, 220), (None, 550), ("QUIT", 221)]),
    "4.1.1.10 QUIT is answered 221, then closed": (
        "listed", [(None, 220), ("QUIT", 221), (None, None)]),
    "3.8 no close after a refusal": (
        "listed", [(None, 220), ("EHLO c.example", 550), ("EHLO c.example", 550), ("QUIT", 221)]),
    "4.1.1.5 RSET never closes": (
        "listed", [(None, 220), ("RSET", 550), ("RSET", 550), ("QUIT", 221)]),
    "4.1.1.9 NOOP never closes": ("listed", [(None, 220), ("NOOP", 550), ("QUIT", 221)]),
    "2.4 verbs in any case": ("listed", [(None, 220), ("eHlO c.example", 550), ("qUiT", 221)]),
    "4.1.1.1 HELO gets one line": ("listed", [(None, 220), ("HELO c.example", 550), ("QUIT", 221)]),
    "4.3.2 MAIL, RCPT, DATA, VRFY, HELP refused in order": (
        "listed", [(None, 220), ("EHLO c.example", 550), ("MAIL FROM:<>", 550),
                   ("RCPT TO:<postmaster>", 550), ("DATA", 550), ("VRFY x", 550), ("HELP", 550),
                   ("QUIT", 221)]),
    "4.5.3.1.4 a line of 512 octets": (
        "listed", [(None, 220), ("NOOP " + "x" * 505, 550), ("QUIT", 221)]),
    "4.5.3.1.4 a line of 2,048 octets does not close": (
        "listed", [(None, 220), ("NOOP " + "x" * 2041, 550), ("QUIT", 221)]),
    "2.4 eight-bit bytes in a command": (
        "listed", [(None, 220), ("NOOP käse", 550), ("QUIT", 221)]),
    "4.2.1 421 for a client that never stops": (
        "listed", [(None, 220), *[("NOOP", 550)] * 10, ("NOOP", 421), (None, None)]),
    "2.3.8 a bare LF ends no second command": (
        "listed", [(None, 220), ("EHLO c.example", 550), ("NOOP\nNOOP", 421), (None, None)]),
    "3.3 pipelined commands each get a reply": (
        "listed", [(None, 220), ("EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>", 550),
                   (None, 550), (None, 550), ("QUIT", 221)]),
}


class Conformance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(Sink())
        gate = cls.gate = Gate()
        (gate.folder / "deny").write_text("11.251.0.0/16\n")
        dns = cls.enterClassContext(ScriptedDns({"0.252.11.bl.test": lambda q: [q.a("127.0.0.2")]}))
        gate.configure({"access": {"deny": [str(gate.folder / "deny")]},
                        "limits": {"rate_ip": "0/min"},
                        "dns": {"servers": [dns.address]},
                        "dnsbl": [{"zone": "bl.test*8", "trusted": True}]})
        cls.enterClassContext(gate)

    def test_rules(self):
        for rule, (who, steps) in RULES.items():
            address = {"denied": DENIED, "listed": LISTED, "early": free_address()}[who]
            first = EARLY if who == "early" else b""
            with self.subTest(rule), Client(address, first=first) as client:
                for said, expected in steps:
                    if said is not None:
                        client.send(said.encode() + b"\r\n")
                    reply = client.reply()  # checks form, length and the one code itself
                    self.assertEqual(reply and reply.code, expected, f"after {said!r}: {reply}")
                    if reply and reply.code >= 400 and reply.code != 554:
                        # RFC 2034: an enhanced code of the same class.
                        self.assertRegex(reply.text, rf"^{reply.code // 100}\.\d\.\d+ ")

    def test_every_refusal_names_its_connection_and_is_short(self):
        for address, first in ((DENIED, b""), (LISTED, b""), (free_address(), EARLY)):
            with Client(address, first=first) as client:
                replies = [client.reply()]
                if replies[0].code == 220:
                    replies.append(client.reply() if first else client.command("EHLO c.example"))
                client.command("QUIT")
            self.assertRegex(replies[-1].text, r"\[\w{13}\]")

    def test_greeting_begins_with_the_host_name(self):
        with Client(free_address()) as client:
            for line in client.reply().lines:
                self.assertEqual(line.split()[0], "mx.test")  # RFC 5321 section 4.2
            client.command("QUIT")


main()
