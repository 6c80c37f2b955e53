#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares our reading of rbldnsd zone files with that of rbldnsd itself.

  rbldnsd_differential.py LOOKUP_TOOL [SEED]

Makes random zones of each format, asks a real rbldnsd on the loopback address and the tool
rbldnsd_lookup about every border and its neighbours, and prints each difference. Ends with 77
where rbldnsd is not installed.
"""
import ipaddress
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

ZONES_PER_FORMAT = 12
TYPE_A, TYPE_TXT = 1, 16
NXDOMAIN = 3


def quad(number):
    return str(ipaddress.IPv4Address(number))


class Asker:
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", port))

    def ask(self, name, record_type):
        """The data of all answers, in order; None where the name does not exist."""
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        query = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + labels + b"\0"
        self.socket.send(query + struct.pack(">2H", record_type, 1))
        reply = self.socket.recv(4096)
        if reply[3] & 15 == NXDOMAIN:
            return None
        at, found = len(query) + 4, []
        for _ in range(struct.unpack_from(">H", reply, 6)[0]):
            at += 2  # rbldnsd writes the name as a pointer to the question
            kind, _, _, size = struct.unpack_from(">2HIH", reply, at)
            at += 10
            if kind == record_type:
                found.append(reply[at:at + size])
            at += size
        return found

    def listing(self, name):
        """(set of A, list of TXT), or None."""
        answers = self.ask(name, TYPE_A)
        if answers is None:
            return None
        texts = [text[1:].decode("latin1") for text in self.ask(name, TYPE_TXT) or []]
        return {socket.inet_ntoa(answer) for answer in answers}, texts


def random_value(rng):
    return rng.choice(["", "", " :%d" % rng.randint(2, 9), " :%d:" % rng.randint(2, 9),
                       " :127.0.1.%d:text $ of %d" % (rng.randint(1, 3), rng.randint(1, 3)),
                       " bare $1 text $$ $9 $", " # comment", ":4:close", " =own $", " ;x :3"])


def random_header(rng):
    lines = ["$SOA 0 a.example b.example 0 1h 1h 1h 1h", "# comment", "$TTL 600", "$1 variable"]
    if rng.random() < 0.3:
        lines.append("$= base $= for $")
    if rng.random() < 0.3:
        lines.append("$MAXRANGE4 /%d" % rng.randint(8, 20))
    return lines


def random_default(rng):
    return rng.choice([":127.0.0.3:default $", ":5", ":6:", ":7:other"])


def random_block(rng, trie):
    """(as written, first, last), all within a few /16, so that blocks overlap."""
    base = (10 << 24) | rng.randint(0, 2) << 16
    if trie or rng.random() < 0.5:
        length = rng.choice([7, 8, 12, 16, 17, 20, 23, 24, 25, 28, 30, 31, 32])
        first = (base | rng.getrandbits(16)) >> (32 - length) << (32 - length)
        last = first | (1 << (32 - length)) - 1
        if length == 24 and rng.random() < 0.5:
            return quad(first).rsplit(".", 1)[0], first, last
        if length == 32 and rng.random() < 0.7:
            return quad(first), first, last
        return "%s/%d" % (quad(first), length), first, last
    if rng.random() < 0.3:
        octet = rng.randint(0, 250)
        return "10.1.%d-%d" % (octet, octet + 3), (10 << 24) | 1 << 16 | octet << 8, \
            (10 << 24) | 1 << 16 | (octet + 3) << 8 | 255
    first = base | rng.getrandbits(16)
    last = first + rng.choice([0, 1, 200, 256, 700, 70000, 1 << 24, 3 << 24])
    return "%s-%s" % (quad(first), quad(last)), first, last


def random_ip4(rng, trie):
    lines, subjects = random_header(rng), set()
    for _ in range(rng.choice([5, 60, 400])):
        if rng.random() < 0.05:
            lines.append(random_default(rng))
        written, first, last = random_block(rng, trie)
        lines.append(("!" if rng.random() < 0.15 else "") + written + random_value(rng))
        subjects.update((first - 1, first, last, last + 1, rng.randint(first, last)))
    subjects.update(rng.getrandbits(32) for _ in range(20))
    return lines, [quad(subject) for subject in sorted(subjects)]


def random_names(rng):
    lines, subjects = random_header(rng), set()
    for _ in range(rng.choice([5, 60, 300])):
        if rng.random() < 0.05:
            lines.append(random_default(rng))
        name = ".".join(rng.choice(["a", "b", "c", "Net", "x-1"]) for _ in range(rng.randint(1, 4)))
        value = random_value(rng)
        lines.append(("!" if rng.random() < 0.15 else "") + rng.choice(["", "*.", "."]) + name +
                     (value if value.startswith(" ") else ""))
        subjects.update((name, "a." + name, "b.q." + name))
    return lines, sorted(subjects)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(rbldnsd, folder, zones):
    port = free_port()
    command = [rbldnsd, "-n", "-b", "127.0.0.1/%d" % port, "-w", folder]
    if os.geteuid() == 0:
        command += ["-u", "nobody"]
    command += ["%s.x:%s:%s" % (name, kind, name) for name, kind, _ in zones]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in server.stdout:
        if " started " in line:
            return server, Asker(port)
    sys.exit("rbldnsd did not start: exit code %s" % server.wait())


def same(theirs, ours):
    """We keep the first text of several; with one value there is no choice to differ in."""
    if theirs is None or ours is None:
        return theirs == ours
    texts = theirs[1]
    return theirs[0] == ours[0] and (ours[1] in texts if ours[1] else texts == [])


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    rbldnsd = shutil.which(os.environ.get("RBLDNSD", "rbldnsd"), path=os.defpath + ":/usr/sbin")
    if not rbldnsd:
        print("rbldnsd is not installed")
        return 77
    seed = int(sys.argv[2]) if len(sys.argv) == 3 else int(time.time())
    rng = random.Random(seed)
    compared = differences = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        zones = []
        for kind in ("ip4set", "ip4trie", "dnset"):
            for number in range(ZONES_PER_FORMAT):
                name = "%s%d" % (kind, number)
                lines, subjects = (random_names(rng) if kind == "dnset" else
                                   random_ip4(rng, kind == "ip4trie"))
                with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                    file.write("\n".join(lines) + "\n")
                zones.append((name, kind, subjects))
        server, asker = start(rbldnsd, folder, zones)
        try:
            for name, kind, subjects in zones:
                told = subprocess.run([sys.argv[1], kind, os.path.join(folder, name)], check=True,
                                      input="".join(s + "\n" for s in subjects),
                                      capture_output=True, text=True).stdout
                for line in told.splitlines():
                    subject, answers, text = line.split("\t")
                    ours = None if answers == "-" else (set(answers.split(",")), text)
                    query = subject if kind == "dnset" else ".".join(reversed(subject.split(".")))
                    theirs = asker.listing("%s.%s.x" % (query, name))
                    compared += 1
                    if not same(theirs, ours):
                        differences += 1
                        print("%s of seed %d: %s: rbldnsd says %s, we say %s" %
                              (name, seed, subject, theirs, ours))
        finally:
            server.terminate()
            server.wait()
    print("seed %d: %d look-ups compared, %d differences" % (seed, compared, differences))
    return 1 if differences or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
