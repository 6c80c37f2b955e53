# SPDX-License-Identifier: Apache-2.0
"""Doubtful clients: the dialogue to its 451, the retry that goes on to Postfix, memory held."""
import time

import procfs
import report
from doors import GuardedPostfix, Holding, SmtpgateDoor, ZONE, block_list, drive

WAIT = 1  # seconds
MIN = 12  # seconds until a retry counts: longer than a run takes
DOUBT = {"dnsbl": [{"zone": f"{ZONE}=127.0.0.2", "weight": 4}],
         "grey": {"min": f"{MIN}s", "scope": ["net"]}}


def run(quick) -> dict:
    rounds, clients, rate = (1, 400, 200) if quick else (3, 1000, 200)
    report.heading("CPU per doubtful connection, µs (user + system)")
    print(f"{rounds} round(s) of {clients:,} clients at {rate}/s that say EHLO, MAIL, RCPT, QUIT; "
          "then the same again, as retries.")
    classes = {"dialogue to 451": [], "retry, replayed to Postfix": []}
    deep, notes = [], []
    with block_list(), GuardedPostfix(WAIT) as postfix:
        for number in range(rounds):
            door = SmtpgateDoor(postfix, f"{WAIT}s", **DOUBT)
            with door.server:
                began = time.monotonic()
                for name, found in classes.items():
                    found.append(measure(door, clients, rate, number * clients))
                    time.sleep(max(0.0, began + MIN + clients / rate + 1 - time.monotonic()))
            deep.append(_postscreen(postfix, clients, rate, number * clients))
        held = _memory(postfix, 1000 if quick else 4000)
    rows = [[name, *(report.spread([each[part] for each in found], 1e6)
                     for part in ("gate", "tree"))] for name, found in classes.items()]
    rows.append(["postscreen with deep tests, to 450",
                 *(report.spread([each[part] for each in deep], 1e6) for part in ("gate", "tree"))])
    report.table(["class", "gate", "with all of Postfix"], rows)
    for name, found in (*classes.items(), ("postscreen", deep)):
        notes.append(f"{name}: clients met {[each['met'] for each in found]}")
    print("\n".join(notes))
    print(f"memory of a silent client in the dialogue: {held:,.0f} bytes")
    return {**classes, "postscreen deep": deep, "bytes_each": held}


def measure(door, clients, rate, skip) -> dict:
    gate, tree = door.gate_cpu(), door.tree_cpu()
    met = drive(door.address, "listed", clients, rate=rate, addresses=clients, skip=skip,
                concurrency=10_000, recipient="user@example.net")["kinds"]["listed"]["outcomes"]
    time.sleep(0.5)  # the last log lines, and what is remembered of this second
    return {"gate": (door.gate_cpu() - gate) / clients, "tree": (door.tree_cpu() - tree) / clients,
            "met": met}


def _postscreen(postfix, clients, rate, skip) -> dict:
    def cpu():
        pid = postfix.process.pid
        return procfs.cpu_seconds(pid, only="postscreen"), procfs.cpu_seconds(pid)

    before = cpu()
    met = drive(GuardedPostfix.DEEP, "listed", clients, rate=rate, addresses=clients, skip=skip,
                concurrency=10_000, recipient="user@example.net")["kinds"]["listed"]["outcomes"]
    time.sleep(0.5)
    gate, tree = ((after - start) / clients for after, start in zip(cpu(), before))
    return {"gate": gate, "tree": tree, "met": met}


def _memory(postfix, clients) -> float:
    """Bytes of user memory that a client costs which has been greeted and says nothing."""
    door = SmtpgateDoor(postfix, f"{WAIT}s", grey={"only": "all"})
    with door.server:
        before = door.memory()
        with Holding(door.address, clients, rate=1000) as holding:
            time.sleep(WAIT + 1)
            return (door.memory().pss - before.pss) / holding.count
