#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""History survives kill -9 at any moment: it opens clean and has lost at most the last second."""
import os
import random
import signal
import threading
import time
import unittest

from lab import Client, Gate, Sink, eventually, free_address, main, pids_of

LOST_AT_MOST = 2.5  # seconds: one until the commit, and room for a busy machine


class History(unittest.TestCase):
    def visit(self, address):
        with Client(address, timeout=5) as client:
            client.reply()
            client.command("QUIT")

    def seen(self, gate, address):
        return gate.cli_json("why", address, "--no-dns", check=None)["history"]

    def test_it_is_read_while_the_gate_writes(self):
        with Sink(), Gate() as gate:
            address = free_address()
            self.assertIsNone(self.seen(gate, address))
            for count in (1, 2, 3):
                self.visit(address)
                eventually(lambda: (self.seen(gate, address) or {}).get("connections") == count, 4)
            record = self.seen(gate, address)
            self.assertEqual((record["handoffs"], record["last_reason"]), (3, "known-good"))
            with Client(address.rsplit(".", 1)[0] + ".99", first=b"EHLO x\r\n") as client:
                client.reply()
            eventually(lambda: (self.seen(gate, address.rsplit(".", 1)[0] + ".99") or
                                {"faults": {"pregreet": 0}})["faults"]["pregreet"] == 1, 4)

    def test_it_outlives_a_restart(self):
        gate = Gate()
        address = free_address()
        with Sink():
            with gate:
                self.visit(address)
            with gate:
                self.visit(address)
                reasons = [line["reason"] for line in gate.wait_for_lines(2)]
            self.assertEqual(reasons, ["passed", "known-good"])

    def test_v6_is_remembered_by_network(self):
        with Sink(), Gate() as gate:
            self.visit("2a0f:ffff:9:9::1")
            gate.wait_for_lines(1)
            self.visit("2a0f:ffff:9:9:ffff::2")
            self.assertEqual(gate.wait_for_lines(2)[1]["reason"], "known-good")

    def test_kill_at_random_under_load(self):
        gate = Gate({"limits": {"rate_ip": "0/min", "per_net24": 0},
                     "banner": {"wait": "100ms", "min_wait": "50ms"}})
        finished, stop = {}, threading.Event()  # address -> when its visit was over

        def load():
            while not stop.is_set():
                address = free_address()
                try:
                    self.visit(address)
                    finished[address] = time.monotonic()
                except (OSError, AssertionError):
                    time.sleep(0.02)  # the gate is dead for the moment

        with Sink():
            threads = [threading.Thread(target=load) for _ in range(8)]
            gate.start()
            for thread in threads:
                thread.start()
            rng, deaths = random.Random(2), []
            for _ in range(5):
                time.sleep(rng.uniform(1.2, 2.5))
                deaths.append(time.monotonic())
                for pid in pids_of("smtpgate"):
                    os.kill(pid, signal.SIGKILL)
                gate.process.wait()
                eventually(lambda: not pids_of("smtpgate"), 5, "the child to die with its master")
                gate.start()
            time.sleep(1)
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(gate.stop(), 0)
            self.assertGreater(len(finished), 100)
            kept = {row["client"] for row in gate.cli_json("top", "--by", "connections",
                                                           "-n", len(finished) + 100)}
            lost = set(finished) - kept
            for address in lost:
                death = min(d for d in deaths if d >= finished[address] - 0.1)
                self.assertLess(death - finished[address], LOST_AT_MOST, f"{address} was lost")
            print(f"{len(finished)} clients, {len(deaths)} deaths, {len(lost)} lost", flush=True)

    def test_a_dead_gate_process_is_replaced(self):
        with Sink(), Gate() as gate:
            for _ in range(2):
                before = gate.gate_pid()
                os.kill(before, signal.SIGKILL)
                eventually(lambda: any(pid not in (before, gate.process.pid)
                                       for pid in pids_of("smtpgate")), 10, "a new gate process")
                self.visit(free_address())


main()
