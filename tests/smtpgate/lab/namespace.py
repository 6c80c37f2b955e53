# SPDX-License-Identifier: Apache-2.0
"""Runs a test file as root in namespaces of its own: network, mounts, processes.

Nothing outside is touched: addresses live on the namespace's own loopback, users that servers
expect are added to private copies of /etc/passwd and /etc/group, and every process that a test
leaves behind dies with it.
"""
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

_INSIDE = "HOLDFAST_LAB"
# Servers look their users up by name; the numbers only have to be free.
_USERS = {"postfix": 64001, "Debian-exim": 64002, "smtpgate": 64003}
_GROUPS = {**_USERS, "postdrop": 64011}
_scratch = None


def main():
    """Call at the end of a test file: enters the namespaces, then runs the file's tests."""
    if _INSIDE not in os.environ:
        _enter()
    _set_up()
    program = unittest.main(module="__main__", exit=False, verbosity=2, warnings="ignore")
    if not program.result.wasSuccessful():
        _show_logs()
    sys.stdout.flush()
    sys.exit(not program.result.wasSuccessful())


def scratch() -> Path:
    """A folder for this run, removed at its end."""
    global _scratch
    if _scratch is None:
        _scratch = Path(tempfile.mkdtemp(prefix="smtpgate-test-"))
        _scratch.chmod(0o755)  # servers that have given up root come here too
        atexit.register(shutil.rmtree, _scratch, ignore_errors=True)
    return _scratch


def _enter():
    # Left unchanged here, since in a chroot there is no root mount to change; see _set_up().
    command = ["unshare", "--net", "--mount", "--propagation", "unchanged", "--pid", "--fork",
               "--kill-child", "--mount-proc", "env", f"{_INSIDE}=1", "PYTHONDONTWRITEBYTECODE=1"]
    if "HOLDFAST_BIN" in os.environ:
        command.append("HOLDFAST_BIN=" + os.environ["HOLDFAST_BIN"])
    if os.geteuid() != 0:
        command = ["sudo", "--non-interactive", *command]
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


def _set_up():
    def run(*command):
        subprocess.run(command, check=True)

    if " shared:" in Path("/proc/self/mountinfo").read_text():
        run("mount", "--make-rprivate", "/")  # what is mounted here must not appear outside
    run("ip", "link", "set", "lo", "up")
    # Whole networks as local addresses: any of them can be a client. They are ordinary public
    # ranges, since lists are never asked about private ones.
    run("ip", "route", "add", "local", "11.0.0.0/8", "dev", "lo")
    run("ip", "-6", "route", "add", "local", "2a0f:ffff::/32", "dev", "lo")
    Path("/proc/sys/net/ipv6/ip_nonlocal_bind").write_text("1")
    for name, lines in (
            ("passwd", [f"{u}:x:{i}:{i}::/nonexistent:/bin/false" for u, i in _USERS.items()]),
            ("group", [f"{g}:x:{i}:" for g, i in _GROUPS.items()])):
        private = scratch() / name
        private.write_text(Path("/etc", name).read_text() + "\n".join(lines) + "\n")
        run("mount", "--bind", str(private), f"/etc/{name}")


def _show_logs():
    for log in sorted(scratch().rglob("*.log")):
        lines = log.read_text(errors="replace").splitlines()
        print(f"\n--- {log.name} (last {min(len(lines), 60)} of {len(lines)} lines)")
        print("\n".join(lines[-60:]))
