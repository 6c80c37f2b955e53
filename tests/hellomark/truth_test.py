#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that sleep, allocate and write by known amounts are reported as what they are."""
import subprocess
import sys
import time
import unittest

from tool import FOLDER, HELLOMARK, commands, compiled, hellomark, report, until_quiet

PAGE = 4096
MIB = 1 << 20

HOLD = r"""
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
/* Holds argv[1] MiB of written memory for argv[2] microseconds, then gives it back and goes on for
   argv[3] microseconds. */
int main(int argc, char **argv) {
  size_t bytes = strtoul(argv[1], NULL, 10) << 20;
  char *memory = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  usleep(strtoul(argv[2], NULL, 10));
  munmap(memory, bytes + 1);
  usleep(strtoul(argv[3], NULL, 10));
  return argc > 4;
}
"""

# What a run costs without any tool: the bare loop around vfork and exec, its median in nanoseconds.
LOOP = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static int order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
int main(int argc, char **argv) {
  enum { RUNS = 400 };
  static double taken[RUNS];
  for (int i = 0; i < RUNS; ++i) {
    struct timespec a, b;
    int status;
    clock_gettime(CLOCK_MONOTONIC_RAW, &a);
    pid_t pid = vfork();
    if (pid == 0) { execv(argv[1], argv + 1); _exit(127); }
    waitpid(pid, &status, 0);
    clock_gettime(CLOCK_MONOTONIC_RAW, &b);
    taken[i] = (b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec);
  }
  qsort(taken, RUNS, sizeof *taken, order);
  printf("%.0f\n", taken[RUNS / 2]);
  return argc < 2;
}
"""


# What part of a core it takes to wake a thousand times a second and do nothing.
SLEEPER = r"""
#include <stdio.h>
#include <time.h>
#include <unistd.h>
int main(void) {
  struct timespec used;
  for (int i = 0; i < 1000; ++i) usleep(1000);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  printf("%f\n", used.tv_sec + used.tv_nsec * 1e-9);
  return 0;
}
"""


class Time(unittest.TestCase):
    def test_sleep(self):
        def check():
            row = commands(report("run", "-r", 15, "-n", "x", "--", "sleep", "0.05"))["x"]
            low, high = row["wall_seconds"]["min"], row["wall_seconds"]["median"]
            assert 0.050 <= low <= high <= 0.058, f"50 ms of sleep: {low} to {high}"
            assert row["user_seconds"]["mean"] < 0.02
        until_quiet(check)

    def test_first_byte(self):
        def check():
            row = commands(report("run", "-r", 15, "-n", "x", "--", "sh", "-c",
                                  "sleep 0.03; echo x; sleep 0.02"))["x"]
            first, rest = row["first_byte_seconds"]["median"], row["rest_seconds"]["median"]
            assert 0.030 <= first <= 0.040, f"first byte after 30 ms: {first}"
            assert 0.020 <= rest <= 0.028, f"and 20 ms on: {rest}"
        until_quiet(check)

    def test_overhead_over_a_bare_loop(self):
        loop = compiled("loop", LOOP)
        program = compiled("nothing", "int main(void) { return 0; }")

        def check():
            bare, ours = [], []
            for _ in range(9):  # in turns, since every start of a process has a speed of its own
                bare.append(int(subprocess.check_output([loop, program])) / 1e3)
                row = commands(report("run", "-r", 400, "--memory-rounds", 0, "--no-floor",
                                      "--no-env-pad", "-n", "x", "--", program))["x"]
                ours.append(row["wall_seconds"]["median"] * 1e6)
            over = sorted(ours)[4] - sorted(bare)[4]
            print(f"bare loop {sorted(bare)[4]:.0f} µs, hellomark {over:+.1f} µs; bare ones spread "
                  f"from {min(bare):.0f} to {max(bare):.0f}")
            assert over <= 20, f"{over:.1f} µs beyond the bare loop"
        until_quiet(check)


class Memory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hold = compiled("hold", HOLD)

    def peak(self, *arguments, **options):
        row = commands(report("run", "-r", 1, "-n", "x", *options.get("more", []), "--", self.hold,
                              *arguments))["x"]
        self.assertEqual(row["peak_memory_source"], "traced")
        return row["peak_memory_bytes"]["median"]

    def test_known_amount_within_64_pages(self):
        nothing = self.peak(0, 0, 0)
        for mib in (1, 10, 100):
            over = self.peak(mib, 0, 0) - nothing - mib * MIB
            self.assertLessEqual(abs(over), 64 * PAGE, f"{mib} MiB: {over / PAGE} pages off")

    def test_two_milliseconds_are_enough(self):
        over = self.peak(100, 2000, 100000) - self.peak(0, 0, 0) - 100 * MIB
        self.assertLessEqual(abs(over), 64 * PAGE)

    def test_a_large_launcher_is_not_in_the_figure(self):
        nothing = self.peak(0, 0, 0)
        ballast = bytearray(300 * MIB)  # of this process, which starts hellomark
        for at in range(0, len(ballast), PAGE):
            ballast[at] = 1
        self.assertLessEqual(abs(self.peak(0, 0, 0) - nothing), 64 * PAGE)

    def test_tree_over_time(self):
        made = report("memory", "--detail-rate", 200, "--", "sh", "-c",
                      f"{self.hold} 40 300000 0 & {self.hold} 40 300000 0 & wait")
        row = made["commands"][0]
        peak = row["peak_memory_bytes"]["median"]
        self.assertEqual(row["processes"], 3)
        self.assertTrue(80 * MIB < peak < 85 * MIB, peak)
        self.assertTrue(40 * MIB < row["largest_process_bytes"] < 43 * MIB)
        samples = row["timeline"]["samples"]
        self.assertGreater(len(samples["seconds"]), 100)
        self.assertTrue(80 * MIB < max(samples["resident_bytes"]) < 88 * MIB)
        seen = [value for value in samples["proportional_bytes"] if value is not None]
        self.assertTrue(80 * MIB < max(seen) < 85 * MIB)
        self.assertEqual(max(samples["processes"]), 3)
        self.assertEqual(sorted(samples["seconds"]), samples["seconds"])

    def test_cpu_over_time(self):
        def check():
            row = report("memory", "--", "sh", "-c",
                         "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sleep 0.1")["commands"][0]
            cpu = row["timeline"]["samples"]["cpu_seconds"]
            taken = row["traced_wall_seconds"] - 0.1
            assert cpu == sorted(cpu)
            assert abs(cpu[-1] - taken) < 0.3 * taken, f"{cpu[-1]} of {taken} s busy"
        until_quiet(check)

    def test_the_sampler_costs_little(self):
        sleeper = compiled("sleeper", SLEEPER)

        def check():
            bare = float(subprocess.check_output([sleeper]))
            row = report("memory", "--", "sleep", "1")["commands"][0]
            ours = row["timeline"]["sampler_cpu_seconds"] / row["traced_wall_seconds"]
            print(f"1,000 looks a second take {100 * ours:.2f} % of a core; to wake a thousand times "
                  f"alone takes {100 * bare:.2f} %")
            assert ours - bare < 0.01, ours - bare
        until_quiet(check)


class SameTwice(unittest.TestCase):
    def test_a_thousand_campaigns(self):
        program = compiled("same", "int main(void) { return 0; }", "-static")
        different = 0
        began = time.monotonic()
        for _ in range(1000):
            made = report("run", "-r", 30, "-w", 0, "--memory-rounds", 0, "--no-floor", "--", program,
                          "--", program)
            different += made["comparisons"][0]["different"]
        print(f"{different} of 1000 pairs are called different; {time.monotonic() - began:.0f} s")
        self.assertLessEqual(different, 10)

    def test_a_true_difference_is_found(self):
        spin = compiled("spin", r"""
            #include <stdlib.h>
            int main(int argc, char **argv) {
              for (volatile long i = argc > 1 ? atol(argv[1]) : 0; i > 0; --i) {}
              return 0;
            }""")

        def check():
            made = report("run", "--max-time", 2, "--until", "0.1%", "-n", "less", "-n", "more", "--",
                          spin, 300000, "--", spin, 345000)
            comparison = made["comparisons"][0]
            print(comparison["sentence"])
            assert comparison["different"] and comparison["slower"] == "more", comparison
        until_quiet(check)


if __name__ == "__main__":
    print(f"hellomark at {HELLOMARK}, working in {FOLDER}", file=sys.stderr)
    unittest.main(verbosity=2)
