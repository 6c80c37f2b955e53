# SPDX-License-Identifier: Apache-2.0
"""CPU per connection by class of client, of all doors in turns."""
import statistics
import time

import report
from doors import GOOD_CLIENTS, MIX, Floor, Site, drive

WAIT = 2  # seconds; postscreen counts in whole ones

CLASSES = {
    "early talker refused": "pregreet",
    # With a few others, since smtpgate switches off a list that lists everybody.
    "listed refused": "listed=12,unknown=1",
    "unknown waits, passes": "unknown",
    "known good handed over": "good",
    "delivers 1 kB": "mail",
    "resets at once": "hangup",
    "the mix": MIX,
}
# What a client should meet, as smtp_load names it.
RIGHT = {"pregreet": "refused", "listed": "refused", "unknown": "passed", "good": "passed",
         "mail": "delivered", "hangup": "left"}


def measure(door, mix, connections, rate, skip) -> dict:
    """CPU seconds per connection of one run, and what the clients met."""
    addresses = min(connections, GOOD_CLIENTS) if mix in ("good", "mail") else connections
    gate, tree = door.gate_cpu(), door.tree_cpu()
    counts = drive(door.address, mix, connections, rate=rate, addresses=addresses, skip=skip,
                   concurrency=10_000, recipient="user@example.net")
    time.sleep(0.5)  # the last log lines, and the history of this second
    return {"gate": (door.gate_cpu() - gate) / connections,
            "tree": (door.tree_cpu() - tree) / connections, "kinds": counts["kinds"]}


def kernel_floor(door, connections, rate) -> float:
    before = door.gate_cpu()
    drive(door.address, "pregreet", connections, rate=rate, addresses=connections,
          concurrency=10_000)
    return (door.gate_cpu() - before) / connections


def wrong(kinds) -> int:
    """How many clients met something else than they should."""
    return sum(count for name, kind in kinds.items() for outcome, count in kind["outcomes"].items()
               if outcome.split()[0] != RIGHT[name])


def run(quick) -> dict:
    rounds, connections, rate = (1, 800, 800) if quick else (3, 3000, 300)
    classes = {name: CLASSES[name] for name in CLASSES if not quick or name != "delivers 1 kB"}
    report.heading("CPU per connection, µs (user + system)")
    print(f"{rounds} round(s) of {connections:,} connections at {rate}/s, the doors in turns; "
          f"greet wait {WAIT} s, one DNS list.\n"
          "gate: smtpgate's processes, the postscreen process, the Python process; tree: the same "
          "with all of Postfix.")
    results = {name: {} for name in classes}
    floor, kernel = [], Floor()
    with Site(WAIT) as site, kernel.server:
        skip = 0
        for _ in range(rounds):
            floor.append(kernel_floor(kernel, connections, rate))
            for name, mix in classes.items():
                skip += connections
                for door in site.doors:
                    found = measure(door, mix, connections, rate, skip)
                    results[name].setdefault(door.name, []).append(found)
        doors = [door.name for door in site.doors]
        memory = {door.name: vars(door.memory()) for door in site.doors}
    _print(results, doors)
    print(f"kernel alone, for an early talker: {report.spread(floor, 1e6)} µs "
          "(a server that accepts, says the same, closes, and does nothing else)")
    return {"kernel": floor, "rounds": rounds, "connections": connections, "rate": rate, "wait_s": WAIT,
            "classes": results, "memory": memory}


def _print(results, doors):
    rows, notes = [], []
    for name, by_door in results.items():
        row = [name]
        for door in doors:
            runs = by_door[door]
            row += [report.spread([r[part] for r in runs], 1e6) for part in ("gate", "tree")]
            if bad := sum(wrong(r["kinds"]) for r in runs):
                outcomes = [kind["outcomes"] for r in runs for kind in r["kinds"].values()]
                notes.append(f"{door}, {name}: {bad} clients met something else: {outcomes}")
        if {"smtpgate", "postscreen"} <= set(doors):
            for part in ("gate", "tree"):
                ours, theirs = (statistics.median(r[part] for r in by_door[door])
                                for door in ("smtpgate", "postscreen"))
                row.append(f"{ours / theirs:.2f}")
        rows.append(row)
    head = ["class"] + [f"{door} {part}" for door in doors for part in ("gate", "tree")]
    report.table(head + ["gate ÷", "tree ÷"], rows)
    print("÷: smtpgate divided by postscreen")
    for note in notes:
        print(note)
