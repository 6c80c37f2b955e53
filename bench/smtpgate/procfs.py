# SPDX-License-Identifier: Apache-2.0
"""What processes cost, from /proc: CPU and memory of a process with all its descendants."""
import os
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class _Stat:
    name: str
    parent: int
    reaped_seconds: float  # CPU of its children that have ended


def _read(pid) -> _Stat:
    head, _, tail = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")
    fields = tail.split()
    return _Stat(head.partition(" (")[2], int(fields[1]),
                 (int(fields[13]) + int(fields[14])) / _TICK)


def _run_seconds(pid) -> float:
    """User + system time of a live process, exact to the nanosecond where /proc/PID/stat counts
    in hundredths of a second."""
    return sum(int(task.read_text().split()[0])
               for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def tree(root) -> dict[int, str]:
    """Names of a process and of all its descendants, by process id."""
    stats = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stats[int(folder.name)] = _read(folder.name)
        except OSError:
            continue  # it ended meanwhile
    found, waiting = {}, [root]
    while waiting:
        pid = waiting.pop()
        if pid in stats:
            found[pid] = stats[pid].name
            waiting += [child for child, stat in stats.items() if stat.parent == pid]
    return found


def cpu_seconds(root, only=None) -> float:
    """User + system time of the tree so far, ended descendants included; with `only`, of live
    processes of that name."""
    total = 0.0
    for pid, name in tree(root).items():
        try:
            if only is None:
                total += _run_seconds(pid) + _read(pid).reaped_seconds
            elif name == only:
                total += _run_seconds(pid)
        except OSError:
            continue
    return total


@dataclass
class Memory:
    """Bytes. `rss` counts a page shared by two processes twice, `pss` half to each; `own` is what
    no other process maps."""
    rss: int = 0
    pss: int = 0
    own: int = 0

    @staticmethod
    def of(root, only=None) -> "Memory":
        memory = Memory()
        for pid, name in tree(root).items():
            if only and name != only:
                continue
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
            except OSError:
                continue
            sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
            memory.rss += sizes["Rss"]
            memory.pss += sizes["Pss"]
            memory.own += sizes["Private_Clean"] + sizes["Private_Dirty"]
        return memory
