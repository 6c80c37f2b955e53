# SPDX-License-Identifier: Apache-2.0
"""How cost grows with the clients remembered and with the clients that wait, as a plot."""
import json
import statistics
import subprocess
from pathlib import Path

import report
from cost import measure
from doors import BIN, MIX, ROOT, Holding, MailSink, SmtpgateDoor, block_list, introduce, scratch

OUT = ROOT / "build/bench"


def run(quick) -> dict:
    entries = (10_000, 100_000) if quick else (10_000, 1_000_000, 10_000_000)
    waiting = (100, 1_000) if quick else (100, 1_000, 10_000)
    connections, rounds = (600, 1) if quick else (3_000, 3)
    with block_list(), MailSink() as sink:
        by_history = [_with_history(sink, n, connections, rounds) for n in entries]
        by_waiting = _with_waiting(sink, waiting, connections, rounds)
    report.heading("Growth with the clients remembered (CPU in µs per connection)")
    report.table(["clients", "the mix", "known good", "bytes each", "RSS MiB", "own MiB"], [
        [f"{r['clients']:,}", report.spread(r["mix"], 1e6), report.spread(r["good"], 1e6),
         f"{r['bytes'] / r['clients']:.0f}", report.mebibytes(r["rss"]), report.mebibytes(r["own"])]
        for r in by_history])
    report.heading("Growth with the clients in the waiting room (CPU in µs per connection)")
    report.table(["waiting", "known good", "greeting p50 ms", "p99 ms"], [
        [f"{r['waiting']:,}", report.spread(r["good"], 1e6), f"{r['p50']:.2f}", f"{r['p99']:.2f}"]
        for r in by_waiting])
    _plot(by_history, by_waiting)
    return {"history": by_history, "waiting": by_waiting}


def _with_history(sink, entries, connections, rounds) -> dict:
    folder = scratch() / f"history-{entries}"
    folder.mkdir()
    filled = json.loads(subprocess.check_output([BIN / "history_fill", folder, str(entries)]))
    # The gate's own user writes there.
    subprocess.run(["chown", "-R", "smtpgate", folder], check=True)
    door = SmtpgateDoor(sink, "500ms", history={"path": str(folder), "max": 20_000_000})
    costs = {"mix": [], "good": []}
    with door.server:
        introduce(door)
        for turn in range(rounds):
            for name, mix in (("mix", MIX), ("good", "good")):
                found = measure(door, mix, connections, 1000, turn * connections)
                costs[name].append(found["gate"])
        memory = door.memory()
    return {**filled, **costs, "rss": memory.rss, "own": memory.own}


def _with_waiting(sink, counts, connections, rounds) -> list[dict]:
    folder = scratch() / "history-of-the-good"
    history = {"path": str(folder)}
    short = SmtpgateDoor(sink, "200ms", history=history)
    with short.server:
        introduce(short)
    # The same gate again, in which strangers wait for as long as a configuration may ask.
    door = SmtpgateDoor(sink, "60s", history=history)
    results = []
    with door.server:
        for count in counts:
            with Holding(door.address, count, rate=4000):
                runs = [measure(door, "good", connections, 1000, 0) for _ in range(rounds)]
            greetings = [run["kinds"]["good"]["greeting_ms"] for run in runs]
            results.append({"waiting": count, "good": [run["gate"] for run in runs],
                            **{q: statistics.median(g[q] for g in greetings)
                               for q in ("p50", "p99")}})
    return results


def _plot(by_history, by_waiting):
    OUT.mkdir(parents=True, exist_ok=True)
    median = statistics.median
    for name, rows in (
            ("history", [(r["clients"], median(r["mix"]) * 1e6, median(r["good"]) * 1e6)
                         for r in by_history]),
            ("waiting", [(r["waiting"], median(r["good"]) * 1e6, r["p99"]) for r in by_waiting])):
        text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
        (OUT / f"growth-{name}.tsv").write_text(text)
    subprocess.run(["gnuplot", Path(__file__).with_suffix(".gp")], cwd=OUT, check=True)
    print(f"plot: {(OUT / 'growth.svg').relative_to(ROOT)}")
