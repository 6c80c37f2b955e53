#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""In observe mode everything is decided, logged and counted, and nobody is refused."""
import unittest

from lab import Client, Gate, Sink, free_address, main


class Observe(unittest.TestCase):
    def test_nobody_is_refused(self):
        gate = Gate()
        deny, zone = gate.folder / "deny", gate.folder / "bad.ip4set"
        deny.write_text("11.211.0.0/16\n")
        zone.write_text(":127.0.0.2:\n11.212.0.0/16\n")
        gate.configure({"mode": {"default": "observe"}, "limits": {"per_ip": 1},
                        "access": {"deny": [str(deny)]},
                        "dnsbl": [{"file": str(zone), "weight": 8}]})
        crowded = free_address()
        cases = {"11.211.1.1": (b"", "deny-list"), "11.212.1.1": (b"", "listed"),
                 "11.213.1.1": (b"EHLO early.example\r\n", "pregreet"),
                 crowded: (b"", "per-ip"), "11.214.1.1": (b"", "passed")}
        with Sink(), gate:
            holder = Client(crowded)
            holder.line()
            for address, (first, reason) in cases.items():
                with self.subTest(reason=reason), Client(address, first=first) as client:
                    self.assertEqual(client.reply().code, 220)
                    reply = client.reply() if first else client.command("EHLO c.example")
                    self.assertEqual(reply.code, 250)
                    self.assertEqual(client.command("QUIT").code, 221)
            holder.close()
            every = gate.wait_for_lines(6)
            lines = {line["reason"]: line for line in every}
            metrics = gate.metrics()
            for _, reason in cases.values():
                line = lines[reason]
                self.assertEqual(line["mode"], "observe")
                self.assertEqual(line["code"], "0", "nothing was refused")
                verdict = "handoff" if reason == "passed" else "refuse"
                self.assertEqual(line["verdict"], verdict)
                series = (f'smtpgate_verdicts_total{{mode="observe",reason="{reason}",'
                          f'verdict="{verdict}"}}')
                self.assertEqual(metrics[series], sum(l["reason"] == reason for l in every))

    def test_it_is_the_default(self):
        with Sink(), Gate({"mode": {"default": None}}) as gate:
            address = free_address()
            with Client(address, first=b"EHLO early.example\r\n") as client:
                self.assertEqual(client.reply().code, 220)
                self.assertEqual(client.reply().code, 250)
                client.command("QUIT")
            self.assertEqual(gate.line(address)["mode"], "observe")


main()
