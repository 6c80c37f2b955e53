#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every client sees one valid greeting, whatever became of it and whoever wrote which line."""
import time
import unittest

from lab import Client, Gate, ScriptedDns, Sink, eventually, free_address, main, scratch


class Greeting(unittest.TestCase):
    def test_stranger_gets_teaser_wait_and_final_line(self):
        with Sink(), Gate() as gate:
            address, began = free_address(), time.monotonic()
            with Client(address) as client:
                self.assertEqual(client.line(), b"220-mx.test ESMTP\r\n")
                self.assertLess(time.monotonic() - began, 0.15, "the teaser must come at once")
                self.assertEqual(client.line(), b"220 mx.test ESMTP\r\n")
                self.assertGreater(time.monotonic() - began, 0.19, "min_wait is 200 ms")
                self.assertEqual(client.command("EHLO c.example").code, 250)
                self.assertEqual(client.command("QUIT").code, 221)
                self.assertEqual(client.rest(), b"")
            line = gate.line(address)
            self.assertEqual((line["verdict"], line["reason"], line["backend"], line["code"]),
                             ("handoff", "passed", "plain", "0"))
            self.assertRegex(line["pregreet"], r"^silent:2\d\d$")

    def test_known_good_client_waits_for_nothing(self):
        with Sink(greeting=b"220-mx.test ESMTP\r\n220 and welcome\r\n"), Gate() as gate:
            address = free_address()
            with Client(address) as client:
                client.reply()
                client.command("QUIT")
            gate.line(address)
            began = time.monotonic()
            with Client(address) as client:
                self.assertEqual(client.reply().lines, ["mx.test ESMTP", "and welcome"])
                self.assertLess(time.monotonic() - began, 0.15)
                client.command("QUIT")
            self.assertEqual(gate.wait_for_lines(2)[1]["reason"], "known-good")

    def test_without_teaser_nothing_comes_before_the_greeting(self):
        with Sink(), Gate({"banner": {"teaser": False}}) as gate:
            with Client(free_address()) as client:
                began = time.monotonic()
                self.assertEqual(client.reply().lines, ["mx.test ESMTP"])
                self.assertGreater(time.monotonic() - began, 0.19)
                client.command("QUIT")
            gate.wait_for_lines(1)

    def test_backend_banner_completes_the_teaser(self):
        # A client that a list vouches for is relayed before the greeting is whole.
        with ScriptedDns({"wl.test": lambda q: [q.a("127.0.0.2")]}) as dns, \
             Sink(greeting=b"220-mx.test ESMTP\r\n220 sink\r\n"), \
             Gate({"dns": {"servers": [dns.address]}, "dnsbl": [{"zone": "wl.test*-5"}]}) as gate:
            address = free_address()
            with Client(address) as client:
                self.assertEqual(client.reply().lines, ["mx.test ESMTP", "mx.test ESMTP", "sink"])
                client.command("QUIT")
            self.assertEqual(gate.line(address)["reason"], "skip-score")

    def test_refusing_backend_is_not_shown_raw(self):
        for banner in (b"421 4.3.2 shutting down\r\n", b"554 5.7.1 go away\r\n", b"", b"hello\r\n"):
            with self.subTest(banner=banner), Sink(greeting=banner), \
                 Gate({"backend": {"connect_timeout": "300ms"}}) as gate:
                address = free_address()
                with Client(address) as client:
                    self.assertEqual(client.reply().code, 220)
                    reply = client.command("EHLO c.example")
                    self.assertEqual(reply.code, 421)
                    self.assertIn("4.3.2", reply.text)
                    self.assertEqual(client.rest(), b"")
                line = gate.line(address)
                self.assertIn(f"[{line['id']}]", reply.text)
                self.assertEqual((line["reason"], line["code"]), ("backend-down", "421"))

    def test_known_good_client_is_told_at_once_that_no_server_answers(self):
        with Gate({"pregreet": {"action": "ignore"}}) as gate:  # no test, so all are known good
            address = free_address()
            with Client(address) as client:
                reply = client.reply()
                self.assertEqual(reply.code, 421)
                self.assertIn("4.3.2", reply.text)
                self.assertEqual(client.rest(), b"")
            self.assertEqual(gate.line(address)["reason"], "backend-down")

    def test_next_backend_takes_over(self):
        with Sink() as sink, Gate({"backend": {"handoff": [
                "plain:127.0.0.1:2999", "plain:127.0.0.1:2525"]}}) as gate:
            address = free_address()
            with Client(address) as client:
                self.assertEqual(client.reply().code, 220)
                self.assertEqual(client.command("EHLO c.example").code, 250)
                client.command("QUIT")
            self.assertEqual(gate.line(address)["verdict"], "handoff")
            eventually(lambda: any(b"EHLO c.example" in s for s in sink.sessions))

    def test_backend_on_a_unix_socket(self):
        path = scratch() / "backend"
        with Gate({"backend": {"handoff": [f"plain:{path}"]}}) as gate, Sink(path=path):
            with Client(free_address()) as client:
                self.assertEqual(client.reply().code, 220)
                self.assertEqual(client.command("NOOP").code, 250)
                client.command("QUIT")
            self.assertEqual(gate.wait_for_lines(1)[0]["backend"], "plain")


main()
