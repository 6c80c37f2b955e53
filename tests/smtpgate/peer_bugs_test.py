#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults that other frontends were published to have had, each as a test that bears its name."""
import os
import socket
import time
import unittest
from pathlib import Path

from lab import (Client, Gate, ScriptedDns, Sink, eventually, free_address, main, run_cli, scratch)

AAAA, TXT = 28, 16
DOUBT = ":127.0.0.2:doubtful\n11.0.0.0/8\n"


def doubtful_gate(**sections) -> Gate:
    gate = Gate()
    file = gate.folder / "doubt.ip4set"
    file.write_text(DOUBT)
    gate.configure({"banner": {"wait": "100ms", "min_wait": "50ms"},
                    "dnsbl": [{"file": str(file), "weight": 4}],
                    "grey": {"min": "2s", "scope": ["net"]}, **sections})
    return gate


def memory_of(pid) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def rcpt(client):
    assert client.reply().code == 220
    for command in ("EHLO c.example", "MAIL FROM:<a@example.com>"):
        assert client.command(command).code == 250
    return client.command("RCPT TO:<b@example.net>").code


class Postscreen(unittest.TestCase):
    def test_2009_command_buffer_without_bound(self):
        with Sink(), doubtful_gate() as gate, Client(free_address()) as client:
            client.reply()
            before = memory_of(gate.gate_pid())
            for _ in range(400):
                client.send(b"A" * 65536)  # 26 MB of a line that does not end
            self.assertLess(memory_of(gate.gate_pid()) - before, 4 << 20)
            self.assertEqual(client.send(b"\r\n").reply().code, 500)

    def test_2009_dnsbl_reply_that_is_no_ipv4_address(self):
        answers = {
            "six.test": lambda q: [q.reply((q.name, AAAA, 60, bytes(15) + b"\2"))],
            "txt.test": lambda q: [q.reply((q.name, TXT, 60, b"\4text"))],
            "short.test": lambda q: [q.reply((q.name, 1, 60, b"\x7f\0"))],
        }
        with ScriptedDns(answers) as dns, Sink(), \
             Gate({"dns": {"servers": [dns.address], "timeout": "500ms"},
                   "dnsbl": [{"zone": f"{zone}*8", "trusted": True} for zone in answers]}) as gate:
            address = free_address()
            with Client(address) as client:
                self.assertEqual(client.reply().code, 220)
                self.assertEqual(client.command("EHLO c.example").code, 250)
                client.command("QUIT")
            self.assertEqual((gate.line(address)["verdict"], gate.line(address)["score"]),
                             ("handoff", "0"))

    def test_2010_dnsbl_answer_for_a_client_that_has_left(self):
        with ScriptedDns({"slow.test": lambda q: [(0.5, q.a("127.0.0.2"))]}) as dns, Sink(), \
             Gate({"dns": {"servers": [dns.address]}, "limits": {"per_ip": 0, "rate_ip": "0/min"},
                   "banner": {"wait": "3s"},
                   "dnsbl": [{"zone": "slow.test*8", "trusted": True}]}) as gate:
            pid, address = gate.gate_pid(), free_address()
            clients = [Client(address) for _ in range(50)]
            time.sleep(0.3)  # the question is under way
            for client in clients[:-1]:
                client.reset()
            with clients[-1] as client:  # who stayed is served by the same answer
                self.assertEqual(client.reply().code, 220)
                self.assertEqual(client.command("EHLO c.example").code, 550)
            gate.wait_for_lines(50)
            self.assertEqual((gate.gate_pid(), dns.times_asked("slow.test")), (pid, 1))

    def test_2012_haproxy_client_after_an_io_error(self):
        header = b"PROXY TCP4 11.9.9.9 11.255.0.25 4711 25\r\n"
        with Sink(), Gate({"listen": {"proxy_from": ["11.231.0.0/24"]},
                           "limits": {"rate_ip": "0/min"}}) as gate:
            pid = gate.gate_pid()
            for length in range(len(header)):
                Client("11.231.0.1", first=header[:length]).reset()
            gate.wait_for_lines(len(header))
            with Client("11.231.0.1", first=header) as client:
                self.assertEqual(client.reply().code, 220)
            self.assertEqual(gate.gate_pid(), pid)

    def test_2009_crash_on_what_is_no_text(self):
        garbage = [b"\x16\x03\x01\x02\x00\x01" + os.urandom(60), b"\x03\x00\x00\x13\x0e\xe0",
                   b"\xff\xfe\xc0\xaf\xed\xa0\x80\r\n", bytes(range(256)) + b"\r\n"]
        with Sink(), doubtful_gate(limits={"rate_ip": "0/min", "command_timeout": "1s"}) as gate:
            pid = gate.gate_pid()
            for data in garbage:
                for early in (True, False):
                    address = free_address()
                    with Client(address, first=data if early else b"") as client:
                        if not early:
                            client.reply()
                            client.send(data)
                        client.rest()
                    gate.line(address)
            self.assertEqual(gate.gate_pid(), pid)

    def test_threshold_below_one(self):
        file = scratch() / "threshold.toml"
        file.write_text('[backend]\nhandoff = "plain:127.0.0.1:2525"\n[score]\nblock = 0\n')
        self.assertIn("[score] block: expected integer from 1", run_cli("check", "-c", file, check=1))

    def test_2026_full_accept_queue_lets_early_talkers_through(self):
        with Sink() as sink, Gate({"limits": {"per_ip": 0, "per_net24": 0, "rate_ip": "0/min"}}) as gate:
            address = free_address()
            clients = [Client(address, first=b"EHLO early.example\r\n") for _ in range(500)]
            for client in clients:
                self.assertEqual(client.reply().code, 220)  # a greeting is always finished
                self.assertEqual(client.reply().code, 550)
                client.close()
            gate.wait_for_lines(500)
            self.assertFalse(any(b"early" in session for session in sink.sessions))

    def test_2025_reload_drops_what_is_remembered(self):
        with Sink(), Gate() as gate:
            address = free_address()
            for expected in ("passed", "known-good"):
                with Client(address) as client:
                    client.reply()
                    client.command("EHLO c.example")
                    client.command("QUIT")
                eventually(lambda: gate.lines(address), 5)
                eventually(lambda: gate.lines(address)[-1]["reason"] == expected, 5, expected)
                gate.cli("reload")


class Greylisters(unittest.TestCase):
    def test_a_retry_within_the_wait_begins_it_again(self):
        with Sink(), doubtful_gate():
            address, codes = free_address(), []
            for _ in range(5):  # held for ever if each try began the two seconds anew
                with Client(address) as client:
                    codes.append(rcpt(client))
                    client.command("QUIT")
                time.sleep(0.8)
            self.assertEqual(codes[0], 451)
            self.assertEqual(codes[-1], 250)

    def test_a_countdown_in_the_reply_tells_spammers_when_to_return(self):
        with Sink(), doubtful_gate():
            address = free_address()
            said = []
            for _ in range(2):
                with Client(address) as client:
                    client.reply()
                    client.command("EHLO c.example")
                    client.command("MAIL FROM:<a@example.com>")
                    said.append(client.command("RCPT TO:<b@example.net>").text.split("[")[0])
            self.assertEqual(said[0], said[1])


class Others(unittest.TestCase):
    def test_haraka_3106_error_answers_counted_as_listings(self):
        for answer in ("127.255.255.252", "127.255.255.254", "127.255.255.255"):
            with self.subTest(answer), ScriptedDns({"bl.test": lambda q: [q.a(answer)]}) as dns, \
                 Sink(), Gate({"dns": {"servers": [dns.address]},
                               "dnsbl": [{"zone": "bl.test*8", "trusted": True}]}):
                with Client(free_address()) as client:
                    self.assertEqual(client.reply().code, 220)
                    self.assertEqual(client.command("EHLO c.example").code, 250)
                    client.command("QUIT")

    def test_haproxy_2904_client_bytes_before_the_server_has_greeted(self):
        listener = socket.create_server(("127.0.0.1", 2525))
        with listener, Gate({"backend": {"handoff": ["proxy-v1:127.0.0.1:2525"],
                                         "probe_interval": "1h", "connect_timeout": "4s"}}):
            probe, _ = listener.accept()
            probe.close()
            with Client(free_address()) as client:
                client.reply()
                client.send(b"EHLO c.example\r\n")
                server, _ = listener.accept()
                with server:
                    time.sleep(0.5)
                    self.assertRegex(server.recv(4096), rb"^PROXY TCP4 [^\r]*\r\n$")
                    server.sendall(b"220 mx.test ESMTP\r\n")
                    self.assertEqual(server.recv(4096), b"EHLO c.example\r\n")


main()
