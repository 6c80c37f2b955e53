#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A PROXY header must come from a listed balancer, and means nothing from anybody else."""
import ipaddress
import struct
import time
import unittest

from lab import SERVER, SERVER6, Client, Gate, Sink, free_address, main

BALANCER = "11.231.0.1"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(source):
    family, target = ("TCP6", SERVER6) if ":" in source else ("TCP4", SERVER)
    return f"PROXY {family} {source} {target} 4711 25\r\n".encode()


def v2(source, tlv=b""):
    family, target = (0x21, SERVER6) if ":" in source else (0x11, SERVER)
    body = (ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed
            + struct.pack("!HH", 4711, 25) + tlv)
    return SIGNATURE + bytes([0x21, family]) + struct.pack("!H", len(body)) + body


class Balancer(unittest.TestCase):
    def setUp(self):
        self.enterContext(Sink())
        self.gate = self.enterContext(Gate({
            "listen": {"proxy_from": ["11.231.0.0/24"], "proxy_timeout": "500ms"},
            "limits": {"per_ip": 5}}))

    def test_the_client_behind_it_is_judged(self):
        for make in (v1, v2, lambda a: v2(a, tlv=b"\x05\x00\x04abcd")):
            for source in (free_address(), f"2a0f:ffff:31:{time.monotonic_ns() % 60000:x}::1"):
                with self.subTest(source=source):
                    with Client(BALANCER, first=make(source)) as client:
                        self.assertEqual(client.line(), b"220-mx.test ESMTP\r\n")
                        self.assertEqual(client.reply().code, 220)
                        client.command("QUIT")
                    line = self.gate.line(source)
                    self.assertEqual(line["client"].rsplit(":", 1)[1], "4711")
                    self.assertEqual(line["verdict"], "handoff")

    def test_limits_are_the_clients_not_the_balancers(self):
        clients = [Client(BALANCER, first=v1(free_address())) for _ in range(20)]
        for client in clients:
            self.assertEqual(client.line()[:4], b"220-")
            client.close()
        self.gate.wait_for_lines(20)

    def test_bytes_behind_the_header_are_pregreet(self):
        source = free_address()
        with Client(BALANCER, first=v2(source) + b"EHLO early\r\n") as client:
            self.assertEqual(client.reply().code, 220)
            self.assertEqual(client.reply().code, 550)
        self.assertEqual(self.gate.line(source)["reason"], "pregreet")

    def test_header_byte_by_byte(self):
        for header in (v1, v2):
            source = free_address()
            with Client(BALANCER) as client:
                for byte in header(source):
                    client.send(bytes([byte]))
                    time.sleep(0.002)
                self.assertEqual(client.line()[:4], b"220-")
            self.assertEqual(self.gate.line(source)["reason"], "hung-up")

    def test_health_check(self):
        local = SIGNATURE + b"\x20\x00\x00\x00"
        with Client(BALANCER, first=local) as client:
            self.assertEqual(client.rest(), b"")
        self.assertEqual(self.gate.wait_for_lines(1)[0]["reason"], "health-check")

    def test_missing_broken_and_endless_headers(self):
        for data in (b"", b"EHLO no.header\r\n", b"PROXY TCP4 1.2.3.4\r\n",
                     b"PROXY TCP4 " + b"1" * 200, v2("11.0.0.1")[:20],
                     SIGNATURE + b"\x21\x11\xff\xff" + b"x" * 600,
                     b"PROXY TCP4 011.0.0.1 11.0.0.2 1 25\r\n", b"\x16\x03\x01\x02\x00"):
            with self.subTest(data=data[:30]), Client(BALANCER, first=data) as client:
                began = time.monotonic()
                self.assertEqual(client.rest(), b"")
                self.assertLess(time.monotonic() - began, 2)
        for line in self.gate.wait_for_lines(8):
            self.assertEqual(line["reason"], "proxy-header")

    def test_a_stranger_with_a_header_is_an_early_talker(self):
        for header, kind in ((v1("11.0.0.1"), "proxy"), (v2("11.0.0.1"), "proxy")):
            address = free_address()
            with Client(address, first=header) as client:
                self.assertEqual(client.reply().code, 220)
                reply = client.reply()
                self.assertEqual(reply.code, 421, "the QUIT in the signature is not obeyed")
            self.assertEqual(self.gate.line(address)["pregreet"].split(":")[2], kind)
        self.assertEqual(self.gate.lines("11.0.0.1"), [])


main()
