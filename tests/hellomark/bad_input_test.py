#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands that are missing, fail, never end or leave others behind are told plainly and cleared away."""
import json
import os
import pty
import signal
import subprocess
import time
import unittest
from pathlib import Path

from tool import FOLDER, HELLOMARK, commands, hellomark, left_running, report

NEVER = "86399.5"  # seconds of sleep that nobody else asks for


class Commands(unittest.TestCase):
    def says(self, wanted, *arguments, code=1):
        done = hellomark("run", *arguments, code=code)
        self.assertIn(wanted, done.stderr)
        return done

    def test_missing(self):
        self.says("no-such-program: no such program in PATH", "no-such-program")
        self.says("./nothing: No such file or directory", "--", "./nothing")
        self.says("no command is given")

    def test_not_executable(self):
        (FOLDER / "text").write_text("hello\n")
        self.says("./text: is not executable; chmod +x it", "--", "./text")
        (FOLDER / "text").chmod(0o755)
        self.says("neither a program nor a script with a #! line", "--", "./text")
        self.says("is a folder, not a program", "--", "/etc")

    def test_failing(self):
        done = self.says("false: ended with exit code 1; see what it says with --show-output", "false")
        self.assertIn("ended with exit code 1", done.stdout)
        self.says("was killed by signal 11 (Segmentation fault)", "--", "sh", "-c", "kill -SEGV $$")
        row = commands(report("run", "-i", "-r", 3, "false"))["false"]
        self.assertEqual(row["runs"], 3)

    def test_a_failure_does_not_hide_what_was_measured(self):
        (FOLDER / "count").write_text("")
        done = self.says("ended with exit code 9", "-r", 30, "--", "true", "--", "sh", "-c",
                         f"echo >>{FOLDER}/count; [ $(wc -l <{FOLDER}/count) -lt 25 ] || exit 9")
        self.assertRegex(done.stdout, r"\ntrue +\d")

    def test_never_ending(self):
        began = time.monotonic()
        self.says("did not end within 0.2 s and was killed", "--timeout", 0.2, "--", "sleep", NEVER)
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(left_running(NEVER), [])

    def test_daemons(self):
        done = hellomark("run", "-r", 5, "--", "sh", "-c",
                         f"setsid sh -c 'setsid sleep {NEVER} & sleep {NEVER}' & exit 0")
        self.assertRegex(done.stdout, r"commands left running, and that were killed: \d+")
        self.assertEqual(left_running(NEVER), [])

    def test_gigabytes(self):
        row = commands(report("run", "-r", 1, "-w", 0, "--memory-rounds", 0, "-n", "x", "--", "head",
                              "-c", "3G", "/dev/zero"))["x"]
        self.assertEqual(row["runs"], 1)


class CommandLine(unittest.TestCase):
    def test_wrong_options(self):
        for arguments, wanted in [
            (["run", "-r", "0", "true"], "--runs: Value 0 not in range"),
            (["run", "--max-time", "x", "true"], "--max-time"),
            (["run", "--nonsense", "true"], "--nonsense"),
            (["nonsense"], "subcommand"),
            ([], "subcommand"),
        ]:
            done = hellomark(*arguments, code=2)
            self.assertIn(wanted, done.stderr + done.stdout)
        for arguments, wanted in [
            (["run", "--until", "much", "true"], "expected a part such as 1%"),
            (["run", "-P", "n", "3", "1", "true"], "-P n: 1 is below 3"),
            (["run", "-n", "a", "-n", "b", "true"], "2 names for 1 commands"),
            (["run", "'true"], "a ' is not closed"),
            (["run", "--pin", "999", "true"], "starting on processor 999"),
            (["run", "--input", "/nothing", "true"], "/nothing"),
            (["run", "--export-json", "/no/folder/x", "true"], "/no/folder/x"),
            (["memory", "--limit", "lots", "true"], "expected a size such as 64M"),
            (["hello", "--only", "Klingon"], 'there is no language "Klingon"'),
            (["compare", "/nothing", "/nothing"], "/nothing: No such file"),
        ]:
            self.assertIn(wanted, hellomark(*arguments, code=1).stderr)

    def test_exports_are_checked_before_anything_is_run(self):
        mark = FOLDER / "was-run"
        hellomark("run", "--export-page", "/no/folder/x", "--", "touch", mark, code=1)
        self.assertFalse(mark.exists())

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([HELLOMARK, "run", "-r", "2", "true"], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)

    def test_habits_of_hyperfine(self):
        file = FOLDER / "habits.json"
        hellomark("run", "-w", 2, "-r", 4, "-N", "-p", "true", "-n", "one", "-n", "two",
                  "--export-json", file, "--export-markdown", "-", "true", "sh -c 'exit 0'")
        rows = commands(json.loads(file.read_text()))
        self.assertEqual([rows["one"]["runs"], rows["two"]["runs"]], [4, 4])
        scan = commands(report("run", "-r", 2, "-P", "n", 1, 3, "-L", "w", "a,b", "echo {n} {w}"))
        self.assertIn("echo 2 b", scan)
        self.assertEqual(len(scan), 7)  # with the floor
        shell = commands(report("run", "-r", 2, "-S", "sh", "true | true"))
        self.assertIn("true | true", shell)

    def test_compare(self):
        for name, nap in (("old.json", 0.01), ("new.json", 0.02)):
            hellomark("run", "-r", 25, "-q", "-n", "nap", "--export-json", name, "--", "sleep", nap)
        done = hellomark("compare", "--fail", "old.json", "new.json", code=1)
        self.assertRegex(done.stdout, r"nap +wall .* slower")
        hellomark("compare", "old.json", "new.json", code=0)
        self.assertRegex(hellomark("compare", "--fail", "new.json", "old.json").stdout, "faster")


class Interrupts(unittest.TestCase):
    def start(self, *arguments):
        return subprocess.Popen([HELLOMARK, *arguments], cwd=FOLDER, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def wait_for(self, mark):
        for _ in range(500):
            if left_running(mark):
                return
            time.sleep(0.01)
        self.fail(f"{mark} was never started")

    def test_what_was_measured_is_printed(self):
        for sent in (signal.SIGINT, signal.SIGTERM):
            run = self.start("run", "-r", "1000000", "--export-json", "part.json", "--", "sleep",
                             "0.0101")
            self.wait_for("0.0101")
            time.sleep(1)
            run.send_signal(sent)
            stdout, _ = run.communicate(timeout=20)
            self.assertEqual(run.returncode, 128 + sent)
            self.assertRegex(stdout, r"sleep 0.0101 +1\d\.\d ms")
            self.assertIn("interrupted; this is what was measured until then", stdout)
            self.assertTrue(json.loads((FOLDER / "part.json").read_text())["interrupted"])

    def test_a_terminal_sees_the_running_interval(self):
        ours, theirs = pty.openpty()
        done = subprocess.run([HELLOMARK, "run", "--max-time", "1", "--until", "0", "true"],
                              stdout=subprocess.DEVNULL, stderr=theirs, timeout=60)
        os.close(theirs)
        shown = os.read(ours, 65536).decode()
        os.close(ours)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(shown, r"\d rounds; least sure: true [\d.]+ (µs|ms) ±[\d.]+ %")
        self.assertTrue(shown.endswith("\r\x1b[K"))  # and is cleared away

    def test_nothing_is_left_however_hellomark_ends(self):
        for kind in ("run", "memory"):
            for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
                run = self.start(kind, "--", "sh", "-c", f"setsid sleep {NEVER} & sleep {NEVER}")
                self.wait_for(NEVER)
                run.send_signal(sent)
                run.communicate(timeout=20)
                for _ in range(200):
                    if not left_running(NEVER):
                        break
                    time.sleep(0.01)
                self.assertEqual(left_running(NEVER), [], f"after {kind} and {sent.name}")

    def test_a_killed_launcher_is_told(self):
        run = self.start("run", "--", "sleep", NEVER)
        self.wait_for(NEVER)
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text()
        launcher = int(children.split()[0])
        os.kill(launcher, signal.SIGKILL)
        _, stderr = run.communicate(timeout=20)
        self.assertIn("the launcher has ended unexpectedly; was it killed?", stderr)
        time.sleep(0.2)
        self.assertEqual(left_running(NEVER), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
