#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What parses outside bytes runs unprivileged and confined; what has privileges parses nothing."""
import os
import pwd
import socket
import subprocess
import threading
import unittest
from pathlib import Path

from lab import Client, Gate, Sink, free_address, main, scratch


def status_of(pid):
    return dict(line.split(":\t", 1) for line in
                Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


class Sandbox(unittest.TestCase):
    def test_the_gate_process_has_no_rights(self):
        with Sink(), Gate() as gate:
            pid = gate.gate_pid()
            status = status_of(pid)
            uid = str(pwd.getpwnam("smtpgate").pw_uid)
            self.assertEqual(status["Uid"].split(), [uid] * 4)
            self.assertEqual(status["Gid"].split(), [uid] * 4)
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
            for which in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[which], 16), 0, which)
            for task in Path(f"/proc/{pid}/task").iterdir():  # each thread, not the first alone
                self.assertIn("Seccomp:\t2\n", (task / "status").read_text())

    def test_it_still_works_confined(self):
        with Sink(), Gate() as gate:
            for address in (free_address(), "2a0f:ffff:41::1"):
                with Client(address) as client:
                    self.assertEqual(client.reply().code, 220)
                    self.assertEqual(client.command("EHLO c.example").code, 250)
                    client.command("QUIT")
            gate.wait_for_lines(2)
            gate.cli("reload")
            self.assertIn("smtpgate_build_info", "".join(gate.metrics()))

    def test_the_master_holds_no_client(self):
        with Sink(), Gate() as gate:
            client = Client(free_address())
            client.line()
            inode = _inode_of(client.port)
            holders = [pid for pid in (gate.process.pid, gate.gate_pid())
                       if f"socket:[{inode}]" in _descriptors(pid)]
            self.assertEqual(holders, [gate.gate_pid()])
            client.close()
            gate.wait_for_lines(1)

    def test_a_pass_service_for_root_alone(self):
        # The master connects to it for the gate. Here the master is kept from closing its copy of
        # the socket for a while, so that the hand-over is over before it does.
        path = scratch() / "root_pass"
        with PassSink(path), Gate(
                {"backend": {"handoff": [f"postfix-pass:{path}"]},
                 "banner": {"wait": "100ms", "min_wait": "50ms"}}) as gate:
            path.chmod(0o600)
            pids = gate.process.pid, gate.gate_pid()
            one_cpu = min(os.sched_getaffinity(0))
            for pid in pids:
                for task in Path(f"/proc/{pid}/task").iterdir():
                    os.sched_setaffinity(int(task.name), {one_cpu})
            os.sched_setscheduler(pids[0], os.SCHED_IDLE, os.sched_param(0))
            hog = subprocess.Popen(["taskset", "-c", str(one_cpu), "sh", "-c", "while :; do :; done"])
            try:
                for _ in range(30):
                    with Client(free_address()) as client:
                        self.assertEqual(client.reply().code, 220)
            finally:
                hog.kill()
                hog.wait()
            self.assertEqual(gate.gate_pid(), pids[1], "the gate process is still the same")
            self.assertNotIn("unexpectedly", gate.log_text())

    def test_files_of_the_history_are_for_its_user_alone(self):
        with Sink(), Gate() as gate:
            uid = pwd.getpwnam("smtpgate").pw_uid
            for path in (gate.history, *gate.history.iterdir()):
                self.assertEqual(path.stat().st_uid, uid, path)
                self.assertEqual(path.stat().st_mode & 0o007, 0, path)

    def test_unknown_user_is_told_with_the_remedy(self):
        gate = Gate(user="nobody-of-that-name")
        with self.assertRaises(AssertionError):
            gate.start()
        gate.stop()
        self.assertIn("useradd", gate.log_text())


class PassSink:
    """A Postfix `pass` service that greets whom it is handed, and closes."""

    def __init__(self, path):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(128)

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self):
        while True:
            try:
                service, _ = self._listener.accept()
            except OSError:
                return
            with service:
                _, fds, _, _ = socket.recv_fds(service, 4096, 1)
            with socket.socket(fileno=fds[0]) as client:
                client.sendall(b"220 mx.test ESMTP sink\r\n")


def _descriptors(pid):
    return [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]


def _inode_of(client_port):
    """The inode of the server's end of a connection."""
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        if fields[1].endswith(":0019") and fields[2].endswith(f":{client_port:04X}"):
            return fields[9]
    raise AssertionError("no such connection")


main()
