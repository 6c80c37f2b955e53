# SPDX-License-Identifier: Apache-2.0
"""A child process that serves, and waiting for things to come true."""
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from .namespace import scratch

ROOT = Path(__file__).parents[3]
PEERS = ROOT / "build/peers/root"
_LIBRARIES = ("usr/lib", "usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib/postfix")


def eventually(condition, seconds=10.0, what=""):
    """Waits until `condition()` is true and returns what it returned; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(0.02)


def pids_of(name) -> list[int]:
    """Live processes of this namespace with that command name."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue  # it ended meanwhile
        if text.startswith(f"Name:\t{name}\n") and "\nState:\tZ" not in text:
            found.append(int(status.parent.name))
    return found


class Server:
    """A process with a folder and a log of its own; stopped at the end of a `with`."""

    def __init__(self, name, *command, port=None, host="127.0.0.1", env=None):
        self.folder = scratch() / f"{name}-{time.monotonic_ns()}"
        self.folder.mkdir(mode=0o755)
        self.log = self.folder / f"{name}.log"
        self.name, self.command, self.env = name, list(command), env or {}
        self.host, self.port = host, port
        self.process = None
        self.pass_fds = ()  # descriptors that the process inherits under their numbers

    def start(self):
        libraries = ":".join(str(path) for where in _LIBRARIES for path in PEERS.glob(where))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(map(str, self.command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, pass_fds=self.pass_fds,
                env={**os.environ, "LD_LIBRARY_PATH": libraries, **self.env})
        if self.port:
            self.wait_for_port(self.host, self.port)
        return self

    def wait_for_port(self, host, port):
        def accepts():
            assert self.process.poll() is None, f"{self.name} ended at once:\n{self.log_text()}"
            try:
                socket.create_connection((host, port), 1).close()
                return True
            except OSError:
                return False
        eventually(accepts, 15, f"{self.name} on {host}:{port}")

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self, how=signal.SIGTERM, seconds=20) -> int:
        """Ends the process and returns its exit code; a second call does nothing."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{self.name} runs on {seconds} s after {how!r}") from None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class MailServer(Server):
    """Delivers all that it takes to one maildir, mail/box in its folder."""

    def mails(self) -> list[bytes]:
        """Delivered messages, oldest first, with the server's own headers in front."""
        files = sorted((self.folder / "mail/box/new").glob("*"), key=lambda f: f.stat().st_mtime_ns)
        return [file.read_bytes() for file in files]

    def wait_for_mail(self, count=1, seconds=20) -> bytes:
        """The newest message, once there are `count`."""
        return eventually(lambda: len(self.mails()) >= count and self.mails(), seconds,
                          f"{count} mails")[-1]
