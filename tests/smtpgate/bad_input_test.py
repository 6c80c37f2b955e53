#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever a client sends or does, it gets a right reply or a clean end, and one log line."""
import os
import time
import unittest
from pathlib import Path

from lab import Client, Gate, Sink, eventually, free_address, main

TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(80)
INPUTS = {
    "garbage UTF-8": b"\xc3\x28\xa0\xa1\xf8\xa1\xa1\xa1\xfc\r\n",
    "overlong UTF-8": b"\xc0\xaf" * 40 + b"\r\n",
    "TLS hello": TLS, "HTTP": b"GET / HTTP/1.1\r\nHost: mx.test\r\n\r\n",
    "HTTP POST of SMTP": b"POST / HTTP/1.0\r\n\r\nEHLO x\r\nMAIL FROM:<a@b.example>\r\n",
    "SSH": b"SSH-2.0-Go\r\n", "RDP": b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01",
    "only NULs": b"\0" * 5000,
    "line without end": b"A" * 200_000,
    "long line": b"EHLO " + b"x" * 3000 + b"\r\n",
    "bare LF": b"EHLO x\nMAIL FROM:<a@b.example>\n",
    "bare CR": b"EHLO x\rMAIL\r",
    "empty lines": b"\r\n" * 300,
    "pipelined burst": b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n" * 50,
    "QUIT first": b"QUIT\r\n", "DATA without RCPT": b"DATA\r\nhi\r\n.\r\n",
    "BDAT": b"BDAT 1000000000 LAST\r\n" + b"x" * 1000,
    "STARTTLS injection": b"STARTTLS\r\nEHLO x\r\n" + TLS,
    "format string": b"EHLO %s%n%x\r\n",
    "log injection": b"EHLO x\r\nconn v=1 id=forged verdict=handoff\r\n",
    "PROXY v1": b"PROXY TCP4 11.9.9.9 11.0.0.1 1 25\r\n",
    "PROXY v2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\1" * 12,
}


def memory_of(pid) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


class BadInput(unittest.TestCase):
    def setUp(self):
        self.enterContext(Sink())
        self.gate = self.enterContext(Gate({
            "limits": {"refuse_timeout": "2s", "command_timeout": "1s", "rate_ip": "0/min"},
            "banner": {"wait": "400ms", "min_wait": "200ms"}}))
        self.pid = self.gate.gate_pid()

    def check(self, count):
        """One line for each connection, no process lost, no descriptor left behind."""
        self.gate.wait_for_lines(count, 20)
        self.assertEqual(self.gate.gate_pid(), self.pid, "the gate died and was replaced")

    def assert_replies(self, said, what):
        """All of it is SMTP replies, the greeting one of them."""
        lines = said.split(b"\r\n")
        self.assertEqual(lines.pop(), b"", f"{what}: last line unfinished: {said[-80:]!r}")
        for line in lines:
            self.assertRegex(line, rb"^[245]\d\d[ -][\x20-\x7e]*$", what)
        codes = [(line[:3], line[3:4]) for line in lines]
        self.assertEqual(codes[:2], [(b"220", b"-"), (b"220", b" ")], what)
        self.assertNotIn(b"forged", said.replace(b"EHLO", b""), what)

    def test_as_first_words(self):
        for what, data in INPUTS.items():
            with self.subTest(what), Client(free_address(), timeout=8) as client:
                try:
                    client.send(data)
                    client.half_close()
                except OSError:
                    pass  # refused before all was sent
                said = client.rest()
                # Half-closing makes it a hang-up to a gate that has not looked yet.
                self.assertTrue(said.startswith(b"220-"), said)
                if said.count(b"\r\n") > 1:
                    self.assert_replies(said, what)
        self.check(len(INPUTS))

    def test_as_first_words_and_then_waiting(self):
        for what, data in INPUTS.items():
            with self.subTest(what), Client(free_address(), timeout=8) as client:
                try:
                    client.send(data)
                except OSError:
                    pass
                said = client.rest()
                self.assert_replies(said, what)
                self.assertIn(said.split(b"\r\n")[-2][:3], (b"421", b"221"), "the end is told")
        self.check(len(INPUTS))

    def test_byte_at_a_time(self):
        with Client(free_address()) as client:
            for byte in b"EHLO early.example\r\nQUIT\r\n":
                client.send(bytes([byte]))
                time.sleep(0.01)
            self.assert_replies(client.rest(), "byte at a time")
        self.check(1)

    def test_reset_at_each_stage(self):
        def teaser(client):
            client.line()

        def greeted(client):
            client.reply()

        def early(client):
            client.send(b"EHLO x\r\n")

        def refused(client):
            early(client)
            client.reply()
            client.reply()

        def relayed(client):
            client.reply()
            client.command("EHLO x")

        def in_data(client):
            relayed(client)
            client.send(b"DATA\r\n" + b"x" * 100_000)

        stages = (lambda c: None, teaser, greeted, early, refused, relayed, in_data)
        for leave in (Client.reset, Client.close):
            for stage in stages:
                client = Client(free_address())
                stage(client)
                leave(client)
        self.check(2 * len(stages))
        for client in [Client(free_address()) for _ in range(2)]:  # it still serves
            self.assertEqual(client.reply().code, 220)
            client.close()
        self.check(2 * len(stages) + 2)

    def test_slowloris_has_an_absolute_deadline(self):
        with Client(free_address(), first=b"E") as client:
            began, said = time.monotonic(), b""
            client.socket.settimeout(0.2)
            while time.monotonic() - began < 8:
                try:
                    client.send(b"X")
                    more = client.socket.recv(1000)
                    if not more:
                        break
                    said += more
                except TimeoutError:
                    continue
                except OSError:
                    break
            self.assertLess(time.monotonic() - began, 6, "refuse_timeout is 2 s")
            self.assertIn(b"421 4.4.2", said)
        self.check(1)

    def test_silent_client_is_not_kept_for_ever(self):
        with Client(free_address()) as client:
            client.reply()
            began = time.monotonic()
            said = client.rest()
            self.assertLess(time.monotonic() - began, 6, "command_timeout is 1 s")
            self.assertIn(b"421 4.", said)
        self.check(1)

    def test_nothing_grows_and_nothing_leaks(self):
        def round_of_abuse(count):
            for i in range(count):
                data = list(INPUTS.values())[i % len(INPUTS)]
                client = Client(free_address())
                try:
                    client.send(data)
                    if i % 3 == 0:
                        client.reply()
                except (OSError, AssertionError):
                    pass
                client.reset() if i % 2 else client.close()

        descriptors = len(list(Path(f"/proc/{self.pid}/fd").iterdir()))
        round_of_abuse(300)
        self.check(300)
        before = memory_of(self.pid)
        round_of_abuse(1500)
        self.check(1800)
        self.assertLess(memory_of(self.pid) - before, 8 << 20)
        eventually(lambda: len(list(Path(f"/proc/{self.pid}/fd").iterdir())) <= descriptors + 2, 5)

    def test_endless_line_costs_no_memory(self):
        before = memory_of(self.pid)
        with Client(free_address(), timeout=10) as client:
            sent = 0
            try:
                while sent < 200 << 20:
                    sent += client.socket.send(b"A" * 65536)
            except OSError:
                pass
            self.assertLess(memory_of(self.pid) - before, 8 << 20)
        self.check(1)


main()
