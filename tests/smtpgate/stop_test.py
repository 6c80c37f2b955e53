#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stop lets sessions end; sockets may come from systemd; descriptors may run out."""
import os
import select
import signal
import socket
import time
import unittest
from pathlib import Path

from lab import SERVER, Client, Gate, Sink, eventually, free_address, main, pids_of, scratch


class Stop(unittest.TestCase):
    def test_relayed_session_is_drained(self):
        gate = Gate()
        with Sink() as sink:
            gate.start()
            address = free_address()
            with Client(address) as client:
                client.reply()
                client.command("EHLO c.example")
                gate.process.send_signal(signal.SIGTERM)
                eventually(lambda: "stopping" in gate.log_text(), 5)
                with self.assertRaises(OSError):
                    Client(free_address(), timeout=1)
                self.assertEqual(client.command("MAIL FROM:<a@example.com>").code, 250)
                self.assertEqual(client.command("RCPT TO:<b@example.net>").code, 250)
                self.assertEqual(client.command("DATA").code, 354)
                self.assertEqual(client.send(b"Subject: last\r\n\r\n.\r\n").reply().code, 250)
                self.assertEqual(client.command("QUIT").code, 221)
            self.assertEqual(gate.process.wait(5), 0)
            self.assertIn(b"Subject: last", sink.sessions[-1])
            self.assertEqual(gate.line(address)["verdict"], "handoff")
            gate.process = None

    def test_waiting_clients_are_told_when_time_is_up(self):
        gate = Gate({"run": {"drain": "300ms"}, "banner": {"wait": "20s", "min_wait": "20s"}})
        with Sink():
            gate.start()
            address = free_address()
            with Client(address) as client:
                client.line()
                began = time.monotonic()
                gate.process.send_signal(signal.SIGTERM)
                client.rest()
                self.assertLess(time.monotonic() - began, 5)
            self.assertEqual(gate.process.wait(5), 0)
            self.assertEqual(gate.line(address)["reason"], "shutdown")
            self.assertEqual(pids_of("smtpgate"), [])
            gate.process = None

    def test_readiness_is_told_to_systemd(self):
        path = scratch() / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            notify.settimeout(10)
            gate = Gate()
            gate.env["NOTIFY_SOCKET"] = str(path)
            with Sink(), gate:
                self.assertIn(b"READY=1", notify.recv(4096))
            self.assertIn(b"STOPPING=1", notify.recv(4096))

    def test_sockets_from_systemd(self):
        # systemd passes listening sockets from descriptor 3 on and names the process meant.
        with socket.create_server((SERVER, 25), backlog=128) as listener, Sink():
            gate = Gate({"listen": {"addresses": []}})
            gate.command = ["sh", "-c", f"exec 3<&{listener.fileno()}; "
                            'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@"', *gate.command]
            gate.pass_fds = [listener.fileno()]
            address = free_address()
            early = Client(address)  # comes before the gate, and waits in the queue
            with gate:
                with early:
                    self.assertEqual(early.reply().code, 220)
                    early.command("QUIT")
                self.assertEqual(gate.line(address)["verdict"], "handoff")
            Client(free_address(), timeout=1).close()  # the port outlives the gate


class Exhaustion(unittest.TestCase):
    def test_running_out_of_descriptors(self):
        with Sink(), Gate({"limits": {"rate_ip": "0/min", "per_net24": 0, "per_ip": 0},
                           "banner": {"wait": "20s", "min_wait": "20s"}, "run": {"drain": "0s"}},
                          wrap=("prlimit", "--nofile=200:200")) as gate:
            before = _cpu(gate.gate_pid())
            clients = [Client(free_address(), timeout=3) for _ in range(300)]
            deadline, told = time.monotonic() + 3, {}
            while time.monotonic() < deadline:
                waiting = [c.socket for c in clients if c not in told]
                ready = select.select(waiting, [], [], 0.1)[0]
                for client in [c for c in clients if c.socket in ready]:
                    told[client] = client.line()[:4]
                    if told[client] == b"421 ":
                        client.close()
            answers = list(told.values())
            self.assertGreater(answers.count(b"220-"), 100)
            self.assertGreater(answers.count(b"421 "), 0, "some are told, not left hanging")
            self.assertLess(_cpu(gate.gate_pid()) - before, 1.5, "it must not spin")
            for client in clients:
                client.close()
            eventually(self._served, 10, "service after the shortage")

    def _served(self):
        try:
            with Client(free_address(), timeout=2) as client:
                return client.line()[:4] == b"220-"
        except OSError:
            return False


def _cpu(pid) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


main()
