#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What parses outside bytes runs unprivileged and confined; what has privileges parses nothing."""
import pwd
import unittest
from pathlib import Path

from lab import Client, Gate, Sink, free_address, main


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
