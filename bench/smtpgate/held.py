# SPDX-License-Identifier: Apache-2.0
"""As many silent clients as descriptors allow: their price, and what a known client notices."""
import time

import report
from doors import GuardedPostfix, Holding, SmtpgateDoor, block_list, descriptors, drive, introduce

WAIT = 2  # seconds


def run(quick) -> dict:
    # The gate needs some for itself, and keeps some in reserve for the known-good.
    clients = 4_000 if quick else descriptors() - 1000
    idle_s = 3 if quick else 10
    report.heading(f"{clients:,} silent clients (descriptor limit {descriptors():,})")
    with block_list(), GuardedPostfix(WAIT) as postfix:
        door = SmtpgateDoor(postfix, f"{WAIT}s")
        with door.server:
            introduce(door)
            before = door.memory()
            with Holding(door.address, clients, rate=4000) as holding:
                waiting = door.memory()
                time.sleep(WAIT + 1)  # now all have been greeted, and go on saying nothing
                greeted = door.memory()
                cpu = door.gate_cpu()
                time.sleep(idle_s)
                cpu = (door.gate_cpu() - cpu) / idle_s
                good = drive(door.address, "good", 300, addresses=300, rate=100)["kinds"]["good"]
    found = {"held": holding.count, "cpu_share": cpu,
             "bytes_each_waiting": (waiting.pss - before.pss) / holding.count,
             "bytes_each_greeted": (greeted.pss - before.pss) / holding.count, "known_good": good}
    report.table(["", ""], [
        ["clients held", f"{holding.count:,}"],
        [f"CPU over {idle_s} s, of one core", f"{cpu:.2%}"],
        ["user memory each, in the waiting room", f"{found['bytes_each_waiting']:,.0f} bytes"],
        ["user memory each, greeted and silent", f"{found['bytes_each_greeted']:,.0f} bytes"],
        ["known-good clients meanwhile", str(good["outcomes"])],
        ["their greeting, p50 and p99",
         "{p50:.2f} ms, {p99:.2f} ms".format(**good["greeting_ms"])]])
    return found
