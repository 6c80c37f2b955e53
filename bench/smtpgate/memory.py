# SPDX-License-Identifier: Apache-2.0
"""Resident memory with as many clients remembered as the old frontend knew."""
import report
from doors import Site, drive

WAIT = 1  # seconds


def run(quick) -> dict:
    clients = 5_300 if quick else 53_000
    report.heading(f"Memory with {clients:,} clients remembered, MiB")
    rows, results = [], {}
    with Site(WAIT) as site:
        for door in site.doors:
            before = door.memory()
            met = drive(door.address, "unknown", clients, addresses=clients, concurrency=300)
            after = door.memory()
            rows.append([door.name, *(report.mebibytes(size) for size in
                                      (before.rss, after.rss, after.pss, after.own))])
            outcomes = met["kinds"]["unknown"]["outcomes"]
            if outcomes != {"passed": clients}:
                rows[-1][0] += f" (clients met {outcomes})"
            results[door.name] = {"before": vars(before), "after": vars(after), "met": outcomes}
    report.table(["gate", "RSS before", "RSS", "PSS", "own"], rows)
    print("RSS counts the pages of the history file that happen to be mapped; own is what no other "
          "process shares.\npostscreen's cache is a file outside its memory; dnsblog and smtpd are "
          "not counted.")
    return {"clients": clients, "doors": results}
