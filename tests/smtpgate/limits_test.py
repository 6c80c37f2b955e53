#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limits by address, network and rate answer 421 at once, and free what a client has left."""
import time
import unittest

from lab import Client, Gate, Sink, eventually, free_address, main


LONG = {"wait": "10s", "min_wait": "10s"}  # whoever is held stays in the waiting room


class Limits(unittest.TestCase):
    def refused(self, address, text):
        with Client(address) as client:
            began = time.monotonic()
            reply = client.reply()
            self.assertLess(time.monotonic() - began, 0.2, "a limit needs no waiting")
            self.assertEqual(reply.code, 421)
            self.assertIn(text, reply.text)
            self.assertRegex(reply.text, r"\[\w{13}\]")
            self.assertEqual(client.rest(), b"")

    def test_per_address(self):
        with Sink(), Gate({"limits": {"per_ip": 2}, "banner": LONG}) as gate:
            address = free_address()
            held = [Client(address), Client(address)]
            for client in held:
                self.assertEqual(client.line()[:4], b"220-")
            self.refused(address, "4.7.0 Too many connections from your network")
            held.pop().close()
            eventually(lambda: len(gate.lines(address)) == 2, 5, "the place to be given back")
            with Client(address) as client:
                self.assertEqual(client.line()[:4], b"220-")
            held.pop().close()
            reasons = sorted(line["limit"] for line in gate.wait_for_lines(4))
            self.assertEqual(reasons, ["-", "-", "-", "per-ip"])
            series = 'smtpgate_concurrency_limited_total{scope="per-ip"}'
            self.assertEqual(gate.metrics()[series], 1)

    def test_per_network_v4(self):
        with Sink(), Gate({"limits": {"per_net24": 3}, "banner": LONG}) as gate:
            network = free_address().rsplit(".", 1)[0]
            held = [Client(f"{network}.{host}") for host in (10, 20, 30)]
            for client in held:
                client.line()
            self.refused(f"{network}.40", "4.7.0 Too many connections from your network")
            with Client(free_address()) as neighbour:
                self.assertEqual(neighbour.line()[:4], b"220-")
            for client in held:
                client.close()
            gate.wait_for_lines(5)

    def test_per_network_v6(self):
        with Sink(), Gate({"limits": {"per_net64": 3}, "banner": LONG}) as gate:
            held = [Client(f"2a0f:ffff:1:2::{host}") for host in (1, 2, 3)]
            for client in held:
                client.line()
            self.refused("2a0f:ffff:1:2:ffff::4", "4.7.0 Too many connections from your network")
            with Client("2a0f:ffff:1:3::1") as neighbour:
                self.assertEqual(neighbour.line()[:4], b"220-")
            for client in held:
                client.close()
            gate.wait_for_lines(5)

    def test_rate(self):
        with Sink(), Gate({"limits": {"rate_ip": "3/3s"}, "banner": LONG}) as gate:
            address = free_address()
            for _ in range(3):
                with Client(address) as client:
                    self.assertEqual(client.line()[:4], b"220-")
            self.refused(address, "4.7.0 Connection rate exceeded")
            with Client(free_address()) as other:
                self.assertEqual(other.line()[:4], b"220-")
            time.sleep(1.3)  # one token a second comes back
            with Client(address) as client:
                self.assertEqual(client.line()[:4], b"220-")
            gate.wait_for_lines(6)

    def test_full_waiting_room_keeps_the_door_open_for_the_known(self):
        slow = {"wait": "4s", "min_wait": "2s", "stress_wait": "2s"}
        with Sink(), Gate({"limits": {"waiting": 3}, "banner": slow}) as gate:
            known = free_address()
            with Client(known) as client:
                client.reply()
                client.command("QUIT")
            gate.line(known)
            held = [Client(free_address()) for _ in range(3)]
            for client in held:
                client.line()
            self.refused(free_address(), "4.3.2 Busy")
            with Client(known) as client:
                began = time.monotonic()
                self.assertEqual(client.reply().code, 220)
                self.assertLess(time.monotonic() - began, 0.2)
                client.command("QUIT")
            for client in held:
                client.close()
            gate.wait_for_lines(6)

    def test_thousand_connections_of_one_address(self):
        with Sink(), Gate({"limits": {"rate_ip": "0/min"}, "banner": LONG}) as gate:
            address = free_address()
            clients = [Client(address) for _ in range(1000)]
            first = [client.line()[:4] for client in clients]
            self.assertEqual(first.count(b"220-"), 20)
            self.assertEqual(first.count(b"421 "), 980)
            for client in clients:
                client.close()
            gate.wait_for_lines(1000, 30)


main()
