# SPDX-License-Identifier: Apache-2.0
"""The old frontend's whole week, as fast as the machine goes, and an account of every client."""
import collections
import re
import time
from pathlib import Path

import procfs
import report
from cost import RIGHT
from doors import MIX, MailSink, SmtpgateDoor, block_list, drive

WAIT = "2s"  # longer than the generator, which shares the machine, ever lags behind
_LINE = re.compile(rb"conn v=1 .*?\bid=(\S+) client=11\.(\d+)\..*?\bverdict=(\S+) reason=(\S+)")
_KINDS = ("pregreet", "listed", "hangup", "unknown", "good")  # by smtp_load's /12 of the source
_VERDICT_OF = {"refused": "refuse", "passed": "handoff", "left": "hangup"}


def run(quick) -> dict:
    connections, addresses = (100_000, 5_300) if quick else (1_400_000, 53_000)
    report.heading(f"The week: {connections:,} connections from {addresses:,} addresses")
    print(f"wait {WAIT}, one DNS list, a minimal mail server behind; the mix is {MIX}")
    with block_list(), MailSink() as sink:
        door = SmtpgateDoor(sink, WAIT)
        with door.server:
            started = time.monotonic()
            load = drive(door.address, MIX, connections, addresses=addresses, concurrency=4000)
            wall = time.monotonic() - started
            cpu = door.gate_cpu()
            peak = sum(_peak(pid) for pid in procfs.tree(door.server.process.pid))
            time.sleep(15)  # what rates are counted by is forgotten, memory is given back
            idle = door.memory()
            history = sum(file.stat().st_blocks * 512 for file in door.server.history.iterdir())
        problems = account(door.server.log, load)
    report.table(["", ""], [
        ["wall time, load generator included", f"{wall:.1f} s"],
        ["rate", f"{connections / wall:,.0f} connections/s"],
        ["gate's CPU per connection", f"{cpu / connections * 1e6:.1f} µs"],
        ["RSS at its peak", report.mebibytes(peak) + " MiB"],
        ["RSS 15 s later (PSS, own)", " ".join(map(report.mebibytes, (idle.rss, idle.pss, idle.own)))
         + " MiB"],
        ["history on disk", report.mebibytes(history) + " MiB"],
        ["every connection has its one, right verdict", "yes" if not problems else "NO"]])
    for problem in problems:
        print("  " + problem)
    return {"connections": connections, "addresses": addresses, "wait": WAIT, "wall_s": wall,
            "cpu_s": cpu, "peak_rss": peak, "idle": vars(idle), "history_bytes": history,
            "problems": problems, "clients": load["kinds"]}


def account(log, load) -> list[str]:
    """Where the gate's log, the clients' own counts, and what should be disagree; empty: nowhere."""
    ids, verdicts = set(), {kind: collections.Counter() for kind in _KINDS}
    with log.open("rb") as file:
        for line in file:
            if found := _LINE.search(line):
                ids.add(found[1])
                verdicts[_KINDS[int(found[2]) >> 4]][f"{found[3].decode()} {found[4].decode()}"] += 1
    lines = sum(counter.total() for counter in verdicts.values())
    problems = []
    if len(ids) != lines:
        problems.append(f"{lines:,} log lines carry {len(ids):,} ids")
    for kind, counts in load["kinds"].items():
        met = collections.Counter()  # by the verdict that leads to it
        for outcome, count in counts["outcomes"].items():
            met[_VERDICT_OF.get(outcome.split()[0], outcome)] += count
            if outcome.split()[0] != RIGHT[kind]:
                problems.append(f"{kind}: {count:,} clients should not have been \"{outcome}\"")
        logged = collections.Counter()
        for verdict, count in verdicts[kind].items():
            logged[verdict.split()[0]] += count
        if met != logged:
            problems.append(f"{kind}: {counts['connections']:,} connections ended as "
                            f"{dict(counts['outcomes'])}, the log has {dict(verdicts[kind])}")
    return problems


def _peak(pid) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
