#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who speaks before the greeting is found out, told so in valid SMTP, and classified."""
import time
import unittest

from lab import Client, Gate, Sink, free_address, main


class Pregreet(unittest.TestCase):
    def assert_refused(self, client, enhanced="5.5.1", code=550):
        """The greeting is completed first, the first command then refused with an id."""
        greeting = client.reply()
        self.assertEqual((greeting.code, greeting.lines), (220, ["mx.test ESMTP", "mx.test ESMTP"]))
        reply = client.reply()
        self.assertEqual(reply.code, code)
        self.assertTrue(reply.text.startswith(enhanced), reply.text)
        return reply.text

    def test_command_at_once_is_refused(self):
        with Sink() as sink, Gate() as gate:
            address = free_address()
            with Client(address, first=b"EHLO early.example\r\n") as client:
                text = self.assert_refused(client)
                self.assertEqual(client.command("MAIL FROM:<a@b.example>").code, 550)
                self.assertEqual(client.command("QUIT").code, 221)
                self.assertEqual(client.rest(), b"")
            line = gate.line(address)
            self.assertIn(f"[{line['id']}]", text)
            self.assertEqual((line["verdict"], line["reason"], line["code"]),
                             ("refuse", "pregreet", "550"))
            self.assertRegex(line["pregreet"], r"^talked:\d+:smtp$")
            self.assertFalse(any(b"early.example" in session for session in sink.sessions))

    def test_late_but_before_the_end_of_the_window(self):
        with Sink(), Gate({"banner": {"min_wait": "500ms", "wait": "500ms"}}) as gate:
            address = free_address()
            with Client(address) as client:
                client.line()
                time.sleep(0.4)
                client.send(b"EHLO early.example\r\n")
                self.assertEqual(client.line(), b"220 mx.test ESMTP\r\n")
                self.assertEqual(client.reply().code, 550)
                client.command("QUIT")
            self.assertGreaterEqual(int(gate.line(address)["pregreet"].split(":")[1]), 350)

    def test_right_after_the_greeting_is_polite(self):
        with Sink(), Gate() as gate:
            address = free_address()
            with Client(address) as client:
                self.assertEqual(client.reply().code, 220)
                self.assertEqual(client.command("EHLO polite.example").code, 250)
                client.command("QUIT")
            self.assertEqual(gate.line(address)["verdict"], "handoff")

    def test_one_byte_is_enough(self):
        with Sink(), Gate() as gate:
            address = free_address()
            with Client(address, first=b"E") as client:
                self.assertEqual(client.reply().code, 220)
                self.assertEqual(client.send(b"HLO x\r\n").reply().code, 550)
                client.command("QUIT")
            self.assertEqual(gate.line(address)["reason"], "pregreet")

    def test_what_they_speak_is_classified(self):
        spoken = {
            "smtp": b"EHLO x\r\n", "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
            "rdp": b"\x03\x00\x00\x13\x0e\xe0\x00\x00", "text": b"what is this\r\n",
            "proxy": b"PROXY TCP4 11.0.0.1 11.0.0.2 1 25\r\n", "binary": b"\xff\x00\xfe\x80",
        }
        with Sink(), Gate() as gate:
            for kind, data in spoken.items():
                with self.subTest(kind=kind):
                    address = free_address()
                    with Client(address, first=data) as client:
                        self.assertEqual(client.reply().code, 220)
                        reply = client.reply() if b"\n" in data or kind != "text" else None
                        self.assertEqual(reply.code, 550 if kind in ("smtp", "text") else 421)
                        client.half_close()
                        client.rest()
                    self.assertEqual(gate.line(address)["pregreet"].split(":")[2], kind)
            metrics = gate.metrics()
            for kind in spoken:
                self.assertEqual(metrics[f'smtpgate_pregreet_class_total{{class="{kind}"}}'], 1)

    def test_soft_refuses_for_now(self):
        with Sink(), Gate({"pregreet": {"soft": True}}) as gate:
            address = free_address()
            with Client(address, first=b"EHLO x\r\n") as client:
                self.assertEqual(client.reply().code, 220)
                reply = client.reply()
                self.assertEqual((reply.code // 100, reply.text[:2]), (4, "4."))
                client.command("QUIT")
            self.assertEqual(gate.line(address)["soft"], "1")

    def test_drop_closes_without_a_word(self):
        with Sink(), Gate({"pregreet": {"action": "drop"}}) as gate:
            address = free_address()
            with Client(address, first=b"EHLO x\r\n") as client:
                self.assertEqual(client.rest(), b"220-mx.test ESMTP\r\n")
            self.assertEqual(gate.line(address)["verdict"], "drop")

    def test_ignore_hands_over_with_the_early_bytes_unread(self):
        with Sink() as sink, Gate({"pregreet": {"action": "ignore"}}) as gate:
            address = free_address()
            with Client(address, first=b"EHLO early.example\r\n") as client:
                self.assertEqual(client.reply().code, 220)
                self.assertEqual(client.reply().code, 250)
                client.command("QUIT")
            self.assertEqual(gate.line(address)["verdict"], "handoff")
            self.assertTrue(any(s.startswith(b"EHLO early.example\r\n") for s in sink.sessions))

    def test_leaving_early_neither_passes_nor_fails(self):
        with Sink(), Gate() as gate:
            address = free_address()
            for leave in (Client.close, Client.reset, Client.half_close):
                client = Client(address)
                client.line()
                leave(client)
                client.close()
            for line in gate.wait_for_lines(3):
                self.assertEqual((line["verdict"], line["reason"]), ("hangup", "hung-up"))
            with Client(address) as client:  # and so it is tested when it comes again
                self.assertEqual(client.reply().lines, ["mx.test ESMTP", "mx.test ESMTP"])
                client.command("QUIT")
            self.assertEqual(gate.wait_for_lines(4)[3]["reason"], "passed")

    def test_a_pass_is_forgotten_in_time(self):
        with Sink(), Gate({"pregreet": {"pass": "1s"}}) as gate:
            address = free_address()
            for count in (1, 2):
                with Client(address) as client:
                    self.assertEqual(len(client.reply().lines), 2, "tested anew each time")
                    client.command("QUIT")
                gate.wait_for_lines(count)
                time.sleep(2.1)


main()
