# SPDX-License-Identifier: Apache-2.0
"""What the tests of hellomark share: the program, its reports, and programs of known behaviour."""
import atexit
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HELLOMARK = Path(os.environ["HOLDFAST_BIN"]) / "hellomark"
FOLDER = Path(tempfile.mkdtemp(prefix="hellomark-test-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def hellomark(*arguments, code=0, **options) -> subprocess.CompletedProcess:
    """Runs hellomark in the test's folder; `code` None takes any exit code."""
    done = subprocess.run([HELLOMARK, *map(str, arguments)], cwd=FOLDER, text=True,
                          capture_output=True, timeout=options.pop("timeout", 120), **options)
    assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def report(kind, *arguments, **options) -> dict:
    """The JSON report of a run of hellomark."""
    file = FOLDER / "report.json"
    hellomark(kind, "-q", "--export-json", file, *arguments, **options)
    return json.loads(file.read_text())


def commands(made: dict) -> dict:
    return {command["name"]: command for command in made["commands"]}


def compiled(name: str, source: str, *flags) -> Path:
    """A C program, compiled; its text says what is known of it."""
    path = FOLDER / name
    subprocess.run(["cc", "-O1", *flags, "-x", "c", "-", "-o", path], input=source, text=True, check=True)
    return path


def until_quiet(check, tries=5):
    """For checks that need a quiet machine: tries again, telling what was seen, and fails at last."""
    for left in range(tries, 0, -1):
        try:
            return check()
        except AssertionError as fault:
            print(f"not yet, {left - 1} tries left: {fault}", flush=True)
            if left == 1:
                raise


def left_running(mark: str) -> list:
    """The processes that have `mark` in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in words:
            found.append(entry.parent.name)
    return found
