#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Postfix behind the gate sees real addresses and gets every byte, handed over any way."""
import hashlib
import os
import subprocess
import unittest

from lab import SERVER, SERVER6, Client, Gate, Postfix, eventually, free_address, main
from lab.server import PEERS

WAYS = {"postfix-pass": lambda p: f"postfix-pass:{p.pass_socket}",
        "proxy-v2": lambda p: f"proxy-v2:{p.PROXY}", "proxy-v1": lambda p: f"proxy-v1:{p.PROXY}",
        "xclient": lambda p: f"xclient:{p.XCLIENT}", "plain": lambda p: f"plain:{p.PLAIN}"}


def message(size, mark) -> bytes:
    """Lines of every printable character, dots doubled, as they go over the wire."""
    lines = [f"Subject: {mark}".encode(), b""]
    printable = bytes(33 + i % 94 if i < 160 else i for i in range(256))
    while size > 0:
        line = b"." * (size % 3) + os.urandom(70).translate(printable)
        lines.append(b"." + line if line.startswith(b".") else line)
        size -= len(line) + 2
    return b"\r\n".join(lines) + b"\r\n"


def body_of(wire: bytes) -> bytes:
    """What a mailbox must hold of it: dots undoubled, lines ended as Unix does."""
    lines = wire.split(b"\r\n\r\n", 1)[1].split(b"\r\n")
    return b"\n".join(line[1:] if line.startswith(b".") else line for line in lines)


class BehindTheGate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postfix = cls.enterClassContext(Postfix("smtpd_authorized_xclient_hosts = 127.0.0.1"))

    def gate(self, way, **banner):
        return Gate({"backend": {"handoff": [WAYS[way](self.postfix)]},
                     "banner": {"name": "mx.test", "wait": "600ms", "min_wait": "200ms", **banner}})

    def assert_delivered(self, wire, mail):
        delivered = mail.split(b"\n\n", 1)[1]
        self.assertEqual(hashlib.sha256(delivered).hexdigest(),
                         hashlib.sha256(body_of(wire)).hexdigest(),
                         f"{len(delivered)} of {len(body_of(wire))} bytes")

    def test_each_way_tells_the_real_address(self):
        for way in WAYS:
            for address in (free_address(), f"2a0f:ffff:77:{len(way)}::1"):
                with self.subTest(way=way, address=address), self.gate(way) as gate:
                    for visit in (1, 2):  # as a stranger, then as known good
                        before = len(self.postfix.mails())
                        wire = message(3000, f"{way} {visit}")
                        with Client(address) as client:
                            self.assertEqual(client.reply().code, 220)
                            client.deliver(wire)
                            self.assertEqual(client.rest(), b"")
                        self.assert_delivered(wire, self.postfix.wait_for_mail(before + 1))
                        seen = self.postfix.mails()[-1].split(b"\n\n")[0]
                        expected = "127.0.0.1" if way == "plain" else address
                        self.assertIn(expected.encode() + b"])", seen, seen)
                        gate.wait_for_lines(visit)
                    reasons = [line["reason"] for line in gate.lines()]
                    self.assertEqual(reasons, ["passed", "known-good"])
                    self.assertEqual({line["backend"] for line in gate.lines()}, {way})
                    ok = f'smtpgate_handoff_total{{kind="{way}",result="ok"}}'
                    self.assertEqual(gate.metrics()[ok], 2)

    def test_large_message_with_and_without_teaser(self):
        for way in ("postfix-pass", "proxy-v2"):
            for teaser in (True, False):
                wire = message(25_000_000, f"large {way}")
                with self.subTest(way=way, teaser=teaser), self.gate(way, teaser=teaser) as gate:
                    before = len(self.postfix.mails())
                    with Client(free_address(), timeout=60) as client:
                        greeting = client.reply()
                        self.assertEqual(len(greeting.lines), 2 if teaser else 1)
                        client.deliver(wire)
                    self.assert_delivered(wire, self.postfix.wait_for_mail(before + 1, 60))
                    line = gate.wait_for_lines(1)[0]
                    if way == "proxy-v2":
                        self.assertGreater(int(line["in"]), len(wire))

    def test_early_bytes_survive_the_handing_over(self):
        # Known good, so allowed to be hasty: its first command waits in the socket for Postfix.
        with self.gate("postfix-pass") as gate:
            address = free_address()
            with Client(address) as client:
                client.reply()
                client.command("QUIT")
            gate.line(address)
            with Client(address, first=b"EHLO hasty.example\r\n") as client:
                self.assertEqual(client.reply().code, 220)
                self.assertEqual(client.reply().code, 250)
                client.command("QUIT")
            gate.wait_for_lines(2)

    def test_silent_strangers_hold_few_server_processes(self):
        with Gate({"backend": {"handoff": [WAYS["postfix-pass"](self.postfix),
                                           WAYS["proxy-v2"](self.postfix)], "stranger_slots": 3},
                   "limits": {"per_net24": 0}}) as gate:
            mute = [Client(free_address()) for _ in range(12)]
            for client in mute:
                self.assertEqual(client.reply().code, 220)
            self.assertLessEqual(gate.cli_json("status")["strangers_alive"], 3)
            address = free_address()
            with Client(address) as client:  # and who speaks is served nevertheless
                client.reply()
                client.deliver(message(500, "served"))
            self.assertEqual(gate.line(address)["backend"], "proxy-v2")
            for client in mute:
                client.close()
            gate.wait_for_lines(13)

    def test_fallback_when_the_first_way_is_gone(self):
        with Gate({"backend": {"handoff": ["postfix-pass:/nonexistent/smtpd",
                                           WAYS["proxy-v2"](self.postfix)]}}) as gate:
            address = free_address()
            with Client(address) as client:
                client.reply()
                client.deliver(message(100, "fallback"))
            self.assertEqual(gate.line(address)["backend"], "proxy-v2")
            self.assertEqual(gate.metrics()['smtpgate_backend_up{backend="'
                                            + WAYS["proxy-v2"](self.postfix) + '"}'], 1)

    def test_swaks(self):
        with self.gate("postfix-pass") as gate:
            for target, source in ((SERVER, free_address()), (SERVER6, "2a0f:ffff:78::1")):
                before = len(self.postfix.mails())
                subprocess.run(
                    ["swaks", "--to", "b@example.net", "--from", "a@example.com",
                     "--helo", "s.example", "--server", target, "--local-interface", source, "--body", "by swaks",
                     *(["-6"] if ":" in target else [])],
                    check=True, stdout=subprocess.DEVNULL, timeout=60)
                self.assertIn(b"by swaks", self.postfix.wait_for_mail(before + 1))
                self.assertEqual(gate.line(source)["verdict"], "handoff")

    def test_smtp_source_in_parallel(self):
        with Gate({"backend": {"handoff": [WAYS["proxy-v2"](self.postfix)]},
                   "limits": {"rate_ip": "0/min", "per_ip": 0, "per_net24": 0}}) as gate:
            before = len(self.postfix.mails())
            libraries = PEERS / "usr/lib/postfix"
            subprocess.run(
                [PEERS / "usr/sbin/smtp-source", "-s", "10", "-m", "60", "-l", "20000", "-d",
                 "-f", "a@example.com", "-t", "b@example.net", f"{SERVER}:25"],
                check=True, timeout=60,
                env={"LD_LIBRARY_PATH": str(libraries),
                     "MAIL_CONFIG": str(self.postfix.folder / "etc")})
            eventually(lambda: len(self.postfix.mails()) == before + 60, 30, "60 mails")
            eventually(lambda: len(gate.lines()) >= 10)
            self.assertEqual({line["verdict"] for line in gate.lines()}, {"handoff"})


main()
