# SPDX-License-Identifier: Apache-2.0
"""How benchmarks say what they found."""
import datetime
import os
import platform
import statistics
import sys
from pathlib import Path

_PLAIN = not sys.stdout.isatty() or "NO_COLOR" in os.environ


def _style(code, text) -> str:
    return text if _PLAIN else f"\033[{code}m{text}\033[0m"


def bold(text) -> str:
    return _style(1, text)


def good(text) -> str:
    return _style(32, text)


def bad(text) -> str:
    return _style(31, text)


def heading(text):
    print(f"\n{bold(text)}", flush=True)


def table(head, rows):
    """The first column to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for number, row in enumerate(cells):
        line = "  ".join([row[0].ljust(widths[0])] +
                         [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])])
        print(bold(line) if number == 0 else line)
    sys.stdout.flush()


def spread(values, unit=1.0, digits=0) -> str:
    """Median, and the range where there is one."""
    scaled = [value * unit for value in values]
    text = f"{statistics.median(scaled):,.{digits}f}"
    if len(scaled) > 1:
        text += f" ({min(scaled):,.{digits}f}–{max(scaled):,.{digits}f})"
    return text


def mebibytes(size) -> str:
    return f"{size / 2**20:.1f}"


def machine() -> dict:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpus = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "cpu": f"{len(cpus)} × {cpus[0] if cpus else platform.machine()}",
            "kernel": platform.release(),
            "load_before": round(os.getloadavg()[0], 2),
            "command": " ".join(["bench/smtpgate/bench", *sys.argv[1:]])}


def introduction(about):
    heading("smtpgate bench")
    print(f"{about['date']}, {about['cpu']}, Linux {about['kernel']}, load before "
          f"{about['load_before']}")
    print(f"repeat with: {about['command']}")
