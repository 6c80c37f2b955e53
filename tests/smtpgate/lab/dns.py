# SPDX-License-Identifier: Apache-2.0
"""DNS servers for tests: rbldnsd, unbound, and one that answers as badly as a script says."""
import ipaddress
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from .server import PEERS, Server, eventually

A, NS, CNAME, SOA, PTR, TXT, AAAA = 1, 2, 5, 6, 12, 16, 28
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


class Rbldnsd(Server):
    """Serves `zones`: name -> (format, text of the file), such as ("ip4set", ":2:\\n11.9/16")."""

    def __init__(self, zones, address="127.0.0.53"):
        super().__init__("rbldnsd")
        self.address = address
        arguments = []
        for name, (kind, text) in zones.items():
            file = self.folder / f"{name}.{kind}"
            file.write_text(f"$SOA 60 ns.{name} admin.{name} 1 600 300 86400 60\n$NS 60 ns.{name}\n"
                            + text + "\n")
            arguments.append(f"{name}:{kind}:{file}")
        self.command = [PEERS / "usr/sbin/rbldnsd", "-n", "-u", "nobody", "-c", "0", "-b",
                        f"{address}/53", *arguments]
        self.zone = next(iter(zones))

    def start(self):
        super().start()
        eventually(lambda: ask(self.address, f"2.0.0.127.{self.zone}") is not None, 10, "rbldnsd")
        return self


class Unbound(Server):
    """A caching resolver: `forwards` maps zones to servers, `records` are local data."""

    def __init__(self, forwards, records=(), address="127.0.0.1"):
        super().__init__("unbound", port=53, host=address)
        lines = ["server:", f"  interface: {address}", "  access-control: 0.0.0.0/0 allow",
                 "  do-not-query-localhost: no", '  chroot: ""', '  username: ""',
                 f"  directory: {self.folder}", f"  pidfile: {self.folder}/pid", "  use-syslog: no",
                 "  do-daemonize: no", '  module-config: "iterator"', "  num-threads: 1",
                 '  local-zone: "." static', "  verbosity: 1"]
        lines += [f"  local-data: '{record}'" for record in records]
        lines += [f'  local-zone: "{zone}" transparent' for zone in forwards]
        for zone, server in forwards.items():
            lines += ["stub-zone:", f"  name: {zone}", f"  stub-addr: {server}"]
        config = self.folder / "unbound.conf"
        config.write_text("\n".join(lines) + "\n")
        self.command = [PEERS / "usr/sbin/unbound", "-d", "-c", config]


def reverse_records(address, name) -> list[str]:
    """Local data that makes `name` the confirmed reverse name of `address`."""
    ip = ipaddress.ip_address(address)
    kind = "A" if ip.version == 4 else "AAAA"
    return [f"{ip.reverse_pointer}. 60 IN PTR {name}.", f"{name}. 60 IN {kind} {address}"]


@dataclass
class Query:
    """A question as the scripted server sees it, and the ways to answer it."""
    wire: bytes
    name: str
    type: int
    by_tcp: bool
    number: int  # how many times this question came before

    def reply(self, *records, rcode=NOERROR, flags=0x8180, id_xor=0, question=None) -> bytes:
        """`records` are (name, type, ttl, rdata)."""
        identity = struct.unpack("!H", self.wire[:2])[0] ^ id_xor
        asked = question or self.wire[12:_question_end(self.wire)]
        body = b"".join(_name(n) + struct.pack("!HHIH", t, 1, ttl, len(data)) + data
                        for n, t, ttl, data in records)
        return struct.pack("!6H", identity, flags | rcode, 1, len(records), 0, 0) + asked + body

    def a(self, *addresses, ttl=60, **kw) -> bytes:
        return self.reply(*[(self.name, A, ttl, socket.inet_aton(a)) for a in addresses], **kw)

    def negative(self, rcode=NXDOMAIN, ttl=60) -> bytes:
        soa = _name("ns.test") + _name("admin.test") + struct.pack("!5I", 1, 600, 300, 86400, ttl)
        head = struct.unpack("!H", self.wire[:2])[0]
        asked = self.wire[12:_question_end(self.wire)]
        return (struct.pack("!6H", head, 0x8180 | rcode, 1, 0, 1, 0) + asked + _name("test")
                + struct.pack("!HHIH", SOA, 1, ttl, len(soa)) + soa)


@dataclass
class ScriptedDns:
    """UDP and TCP. `script` maps a zone to a function of a Query that gives replies to send:
    bytes, or (seconds to wait, bytes). The longest zone wins; what no zone has is NXDOMAIN."""
    script: dict
    address: str = "127.0.0.54"
    asked: Counter = field(default_factory=Counter)  # (name, type) -> times

    def __enter__(self):
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((self.address, 53))
        self._tcp = socket.socket()
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind((self.address, 53))
        self._tcp.listen(16)
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=target, daemon=True)
                         for target in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for each in (self._udp, self._tcp):
            try:
                each.shutdown(socket.SHUT_RDWR)  # wakes its thread
            except OSError:
                pass
            each.close()
        for thread in self._threads:
            thread.join()

    def times_asked(self, zone) -> int:
        return sum(n for (name, _), n in self.asked.items() if name.endswith("." + zone))

    def _answers(self, wire, by_tcp):
        name, kind = _question(wire)
        with self._lock:
            number = self.asked[name, kind]
            self.asked[name, kind] += 1
        query = Query(wire, name, kind, by_tcp, number)
        zones = [z for z in self.script if name == z or name.endswith("." + z)]
        if not zones:
            return [(0, query.negative())]
        replies = self.script[max(zones, key=len)](query)
        return [r if isinstance(r, tuple) else (0, r) for r in replies]

    def _serve_udp(self):
        while True:
            try:
                wire, peer = self._udp.recvfrom(4096)
            except OSError:
                return
            if not wire:
                return  # shut down
            for delay, reply in self._answers(wire, False):
                if delay:
                    threading.Timer(delay, self._send_late, (reply, peer)).start()
                else:
                    self._udp.sendto(reply, peer)

    def _send_late(self, reply, peer):
        try:
            self._udp.sendto(reply, peer)
        except OSError:
            pass  # the server is gone before its late answer

    def _serve_tcp(self):
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection):
        with connection, connection.makefile("rwb", 0) as stream:
            while len(size := stream.read(2) or b"") == 2:
                for delay, reply in self._answers(stream.read(struct.unpack("!H", size)[0]), True):
                    time.sleep(delay)
                    stream.write(struct.pack("!H", len(reply)) + reply)


def ask(server, name, kind=A, seconds=0.3) -> bytes | None:
    """The raw reply of one UDP question; None when none comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(seconds)
        udp.connect((server, 53))
        try:
            udp.send(struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + _name(name)
                     + struct.pack("!HH", kind, 1))
            return udp.recv(4096)
        except OSError:
            return None


def _name(text) -> bytes:
    labels = [label.encode() for label in text.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _question(wire):
    labels, at = [], 12
    while wire[at]:
        labels.append(wire[at + 1:at + 1 + wire[at]].decode("latin-1").lower())
        at += 1 + wire[at]
    return ".".join(labels), struct.unpack("!H", wire[at + 1:at + 3])[0]


def _question_end(wire) -> int:
    at = 12
    while wire[at]:
        at += 1 + wire[at]
    return at + 5
