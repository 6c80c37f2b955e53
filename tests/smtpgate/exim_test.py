#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gate is for any mail server: Exim gets mail and real addresses by PROXY."""
import unittest

from lab import Client, Exim, Gate, free_address, main


class BehindTheGate(unittest.TestCase):
    def test_mail_and_addresses(self):
        with Exim() as exim:
            for way in ("proxy-v2", "proxy-v1"):
                with Gate({"backend": {"handoff": [f"{way}:{exim.PROXY}"]}}) as gate:
                    for address in (free_address(), f"2a0f:ffff:88:{way[-1]}::1"):
                        for visit in (1, 2):
                            before = len(exim.mails())
                            with Client(address) as client:
                                self.assertEqual(client.reply().code, 220)
                                client.deliver(f"Subject: {way}\r\n\r\nvisit {visit}\r\n".encode())
                            self.assertIn(f"visit {visit}".encode(), exim.wait_for_mail(before + 1))
                        seen = exim.main_log().count(f"H=(client.example) [{address}]")
                        self.assertEqual(seen, 2)
                    gate.wait_for_lines(4)

    def test_synchronisation_check_finds_nothing(self):
        # Exim refuses clients that speak out of turn; what we replay must never look like that.
        with Exim() as exim, Gate({"backend": {"handoff": [f"proxy-v2:{exim.PROXY}"]}}) as gate:
            with Client(free_address()) as client:
                client.reply()
                client.deliver(b"Subject: x\r\n\r\nin step\r\n")
            gate.wait_for_lines(1)
            self.assertNotIn("synchronization", exim.main_log())


main()
