# SPDX-License-Identifier: Apache-2.0
"""The program under test: `smtpgate run` with a configuration, its log, its metrics, its end."""
import itertools
import json
import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

from .client import SERVER, SERVER6
from .server import ROOT, Server, eventually, pids_of

BINARY = Path(os.environ.get("HOLDFAST_BIN", ROOT / "build/release/bin")) / "smtpgate"

_addresses = (f"11.{a}.{b}.1" for a, b in itertools.product(range(1, 200), range(256)))


def free_address() -> str:
    """A client address in a /24 that no test has used."""
    return next(_addresses)


def run_cli(*arguments, stdin="", check=0) -> str:
    """Runs `smtpgate ARGUMENTS` and returns what it printed, errors included. `check` is the
    exit code it must have; None takes any."""
    done = subprocess.run([BINARY, *map(str, arguments)], input=stdin, text=True, timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert check in (None, done.returncode), (
        f"{' '.join(map(str, done.args))}: exit {done.returncode}, not {check}\n{done.stdout}")
    return done.stdout


class Gate(Server):
    """`config` is sections of keys laid over defaults that make tests quick; a key of None takes
    the default away. `with` ends in a graceful stop that must leave no process behind."""

    def __init__(self, config=None, user="smtpgate", wrap=()):
        super().__init__("smtpgate", port=None)
        self.config_file = self.folder / "smtpgate.toml"
        self.configure(config or {})
        self.command = [*wrap, BINARY, "run", "-c", self.config_file, "--user", user]

    def configure(self, config):
        """Writes the configuration; a running gate wants reload() to see it."""
        whole = {
            "listen": {"addresses": [f"{SERVER}:25", f"[{SERVER6}]:25"], "workers": 2},
            "backend": {"handoff": ["plain:127.0.0.1:2525"]},
            "banner": {"name": "mx.test", "wait": "600ms", "min_wait": "200ms"},
            "mode": {"default": "enforce"},
            "rdns": {"check": False},
            "history": {"path": str(self.folder / "history")},
            "metrics": {"listen": "127.0.0.1:9725"},
            "run": {"drain": "10s"},
        }
        for section, keys in config.items():
            if section == "dnsbl":
                whole[section] = keys
            else:
                whole[section] = {**whole.get(section, {}), **keys}
        self.config_file.write_text(_toml(whole))

    def start(self):
        """Returns when the gate says that it is ready."""
        super().start()
        eventually(self._ready, 15, "the gate to listen")
        return self

    def _ready(self):
        assert self.process.poll() is None, f"the gate ended at once:\n{self.log_text()}"
        return _listens(25)

    @property
    def history(self) -> Path:
        return self.folder / "history"

    def cli(self, *arguments, **keywords) -> str:
        return run_cli(arguments[0], *arguments[1:], "-c", self.config_file, **keywords)

    def cli_json(self, *arguments, **keywords):
        return json.loads(self.cli(*arguments, "--json", **keywords))

    def lines(self, client=None) -> list[dict]:
        """Connection lines of the log as dictionaries; `client` is an address or ADDRESS:PORT."""
        found = [dict(pair.split("=", 1) for pair in line.split())
                 for line in re.findall(r"conn v=1 (.*)", self.log_text())]
        if client is None:
            return found
        return [line for line in found if client in (line["client"], _host(line["client"]))]

    def line(self, client) -> dict:
        """The one line of a client; there must never be two."""
        eventually(lambda: self.lines(client), 10, f"a log line of {client}")
        lines = self.lines(client)
        assert len(lines) == 1, f"{len(lines)} log lines for one connection: {lines}"
        return lines[0]

    def wait_for_lines(self, count, seconds=15) -> list[dict]:
        eventually(lambda: len(self.lines()) >= count, seconds, f"{count} log lines")
        lines = self.lines()
        assert len(lines) == count, f"{len(lines)} log lines for {count} connections"
        assert len({line["id"] for line in lines}) == count, "an id was given twice"
        return lines

    def metrics(self) -> dict[str, float]:
        """Series, with labels as written, to value."""
        with urllib.request.urlopen("http://127.0.0.1:9725/metrics", timeout=5) as answer:
            text = answer.read().decode()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def gate_pid(self) -> int:
        """The process that talks to clients, as against the master that started it."""
        return next(pid for pid in pids_of("smtpgate") if _parent(pid) == self.process.pid)

    def __exit__(self, kind, *_):
        # A failed test may have left clients that a graceful stop would wait for.
        code = self.stop(signal.SIGTERM if kind is None else signal.SIGKILL)
        if kind is None:
            assert code == 0, f"the gate stopped with exit code {code}:\n{self.log_text()[-3000:]}"
            eventually(lambda: not pids_of("smtpgate"), 5, "no process of the gate left behind")


def _toml(sections) -> str:
    # TOML's strings, numbers, booleans and arrays are JSON's.
    text = ""
    for section, keys in sections.items():
        for table in keys if isinstance(keys, list) else [keys]:
            text += f"[[{section}]]\n" if isinstance(keys, list) else f"[{section}]\n"
            text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items()
                            if value is not None)
    return text


def _host(endpoint) -> str:
    return endpoint.rsplit(":", 1)[0].strip("[]")


def _parent(pid) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def _listens(port) -> bool:
    """Whether some socket of this namespace listens on the port: asking by connecting would leave
    a log line."""
    rows = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    return re.search(rf":{port:04X} 0+:0000 0A ", rows) is not None
