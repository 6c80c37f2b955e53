# SPDX-License-Identifier: Apache-2.0
"""The site of a benchmark: one Postfix, one block list, and three doors in front of that Postfix.

Everything runs in the test lab's namespaces. The doors share the Postfix, so they are driven in
turns, never at once, and what the Postfix spends in a turn is spent for the door of that turn.
"""
import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import procfs

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/smtpgate"))
BIN = Path(os.environ.setdefault("HOLDFAST_BIN", str(ROOT / "build/release/bin")))

from lab import Gate, Postfix, Rbldnsd, Server, namespace, scratch  # noqa: E402

ZONE = "bl.test"
DNS = "127.0.0.53"
GOOD_CLIENTS = 1000  # clients that came before: more than any run of known-good clients uses
MIX = "pregreet=35,listed=40,hangup=10,unknown=5,good=10"


def enter(*programs, resolver=DNS):
    """Goes on inside the lab's namespaces, as root and with all the descriptors there are.
    `programs` are those of ours that are needed there."""
    for program in programs:
        if not (BIN / program).exists():
            sys.exit(f"{BIN / program} is missing; build it with\n"
                     "  ./run --build && ninja -C build/release bench_tools")
    subprocess.run([ROOT / "tests/peers/unpack"], check=True)
    if namespace._INSIDE not in os.environ:
        namespace._enter()
    namespace._set_up()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resolv_conf = scratch() / "resolv.conf"
    resolv_conf.write_text(f"nameserver {resolver}\n")
    subprocess.run(["mount", "--bind", resolv_conf, "/etc/resolv.conf"], check=True)


def descriptors() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def load_command(address, mix, connections, **options):
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return list(map(str, [BIN / "smtp_load", address, f"--mix={mix}",
                          f"--connections={connections}", *arguments]))


def drive(address, mix, connections, **options) -> dict:
    """Runs smtp_load to its end and returns what it counted."""
    done = subprocess.run(load_command(address, mix, connections, **options), text=True,
                          capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"smtp_load failed: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


class Holding:
    """`count` silent clients, connected and held for the length of a `with`."""

    def __init__(self, address, count, **options):
        self.command = load_command(address, "idle", count, concurrency=count, addresses=count,
                                    hold=3600, limit=3600, **options)

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.count = json.loads(self.process.stdout.readline())["holding"]
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def block_list() -> Rbldnsd:
    """smtp_load's `listed` clients, and nobody else."""
    return Rbldnsd({ZONE: ("ip4set", ":127.0.0.2:listed\n11.16.0.0/12\n127.0.0.2")}, DNS)


class GuardedPostfix(Postfix):
    """A Postfix with postscreen on a port of its own, no limit where its own would answer 421."""
    POSTSCREEN = "11.255.0.26:26"
    DEEP = "11.255.0.29:29"  # with the tests after the greeting, and no memory of who passed
    _EXTRA = """
default_process_limit = 2000
postscreen_pre_queue_limit = 20000
postscreen_post_queue_limit = 2000
postscreen_greet_wait = {wait}s
postscreen_greet_action = enforce
postscreen_dnsbl_sites = {zone}=127.0.0.2
postscreen_dnsbl_threshold = 1
postscreen_dnsbl_action = enforce
"""
    _SERVICES = f"""
{POSTSCREEN} inet n - n - 1 postscreen
{DEEP} inet n - n - 1 postscreen -o postscreen_cache_map= -o postscreen_dnsbl_sites=
  -o postscreen_pipelining_enable=yes -o postscreen_non_smtp_command_enable=yes
  -o postscreen_bare_newline_enable=yes
dnsblog unix - - n - 0 dnsblog
"""

    def __init__(self, wait):
        super().__init__(self._EXTRA.format(wait=wait, zone=ZONE), self._SERVICES)
        self.handoff = [f"postfix-pass:{self.pass_socket}", f"proxy-v2:{self.PROXY}"]


class MailSink(Server):
    """Stands in for Postfix where its own cost would hide the gate's."""

    def __init__(self):
        super().__init__("mail_sink", port=2525)
        path = self.folder / "pass"
        self.command = [BIN / "mail_sink", path, "127.0.0.1:2525"]
        self.handoff = [f"postfix-pass:{path}", "plain:127.0.0.1:2525"]


class Door:
    """One way to guard the Postfix. `gate` is what it needs besides Postfix itself."""
    name = ""
    address = ""

    def __init__(self, postfix):
        self.postfix = postfix

    def gate_cpu(self) -> float:
        return procfs.cpu_seconds(self.server.process.pid)

    def tree_cpu(self) -> float:
        return self.gate_cpu() + procfs.cpu_seconds(self.postfix.process.pid)

    def memory(self) -> procfs.Memory:
        return procfs.Memory.of(self.server.process.pid)


class SmtpgateDoor(Door):
    """`wait` as the configuration writes it; `sections` is more configuration."""
    name = "smtpgate"
    address = "11.255.0.25:25"

    def __init__(self, postfix, wait, **sections):
        super().__init__(postfix)
        self.server = Gate({
            "listen": {"addresses": [self.address]},
            "backend": {"handoff": postfix.handoff},
            "banner": {"name": "mx.test", "wait": wait, "min_wait": wait},
            "dns": {"servers": [f"{DNS}:53"]},
            "dnsbl": [{"zone": f"{ZONE}=127.0.0.2", "weight": 8, "trusted": True}],
            "limits": {"rate_ip": "0/min", "per_ip": 0, "per_net24": 0},
            **sections})


class PostscreenDoor(Door):
    name = "postscreen"
    address = GuardedPostfix.POSTSCREEN

    def gate_cpu(self) -> float:
        return procfs.cpu_seconds(self.postfix.process.pid, only="postscreen")

    def tree_cpu(self) -> float:
        return procfs.cpu_seconds(self.postfix.process.pid)

    def memory(self) -> procfs.Memory:
        return procfs.Memory.of(self.postfix.process.pid, only="postscreen")


class PythonDoor(Door):
    name = "asyncio"
    address = "11.255.0.27:27"

    def __init__(self, postfix, wait):
        super().__init__(postfix)
        host, port = self.address.split(":")
        program = Path(__file__).with_name("asyncio_frontend.py")
        self.server = Server("asyncio", sys.executable, program, f"--listen={self.address}",
                             f"--backend={Postfix.PROXY}", f"--dns={DNS}:53", f"--zone={ZONE}",
                             f"--wait={wait}", host=host, port=int(port))


class Floor(Door):
    """A server that only says what an early talker is told: what the kernel alone costs."""
    name = "kernel"
    address = "11.255.0.28:28"

    def __init__(self):
        super().__init__(None)
        host, port = self.address.split(":")
        self.server = Server("floor", BIN / "smtp_floor", self.address, host=host, port=int(port))


class Site(ExitStack):
    """All three doors, open and acquainted with the known-good clients. `wait` in seconds."""

    def __init__(self, wait, doors=("smtpgate", "postscreen", "asyncio")):
        super().__init__()
        self.wait, self._wanted = wait, doors

    def __enter__(self):
        super().__enter__()
        self.enter_context(block_list())
        self.postfix = self.enter_context(GuardedPostfix(self.wait))
        made = {"smtpgate": lambda: SmtpgateDoor(self.postfix, f"{self.wait}s"),
                "postscreen": lambda: PostscreenDoor(self.postfix),
                "asyncio": lambda: PythonDoor(self.postfix, self.wait)}
        self.doors = [made[name]() for name in self._wanted]
        for door in self.doors:
            if door.name != "postscreen":
                self.enter_context(door.server)
        for door in self.doors:
            introduce(door)
        return self


def introduce(door):
    """The known-good clients come for the first time, and pass."""
    counts = drive(door.address, "good", GOOD_CLIENTS, addresses=GOOD_CLIENTS,
                   concurrency=GOOD_CLIENTS, rate=500)
    outcomes = counts["kinds"]["good"]["outcomes"]
    if outcomes != {"passed": GOOD_CLIENTS}:
        raise RuntimeError(f"{door.name}: clients to be remembered met {outcomes}")
    time.sleep(1.5)  # history is written once a second
