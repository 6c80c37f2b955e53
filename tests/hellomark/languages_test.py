#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The HelloMark and the allocation tests, with the languages that every build machine has."""
import unittest

from tool import FOLDER, commands, hellomark, report

MIB = 1 << 20


class Hello(unittest.TestCase):
    def test_hello(self):
        made = report("hello", "--only", "C,Perl,sh", "--max-time", 0.1, "--export-page", "x.html")
        rows = commands(made)
        self.assertEqual(made["kind"], "hello")
        for name in ("C", "Perl", "sh (dash)"):
            row = rows[name]
            self.assertGreaterEqual(row["runs"], 20)
            self.assertIn("first_byte_seconds", row)
            first_twenty = sum(row["samples"]["wall_seconds"][:20])
            self.assertAlmostEqual(row["twenty_starts"]["elapsed_seconds"], first_twenty)
            self.assertAlmostEqual(row["twenty_starts"]["starts_per_second"], 20 / first_twenty)
        self.assertIn("gcc", rows["C"]["note"])
        self.assertIn("perl v5", rows["Perl"]["note"])
        self.assertTrue(rows["(floor)"]["floor"])
        self.assertIn("<title>hellomark</title>", (FOLDER / "x.html").read_text())

    def test_install_names_packages(self):
        self.assertRegex(hellomark("hello", "--install").stdout,
                         r"^(apt-get install( [a-z0-9.+-]+)+|nothing is missing)\n$")
        self.assertEqual(hellomark("hello", "--install", "--only", "Perl").stdout,
                         "nothing is missing\n")


class Alloc(unittest.TestCase):
    def test_patterns_hold_what_they_say(self):
        made = report("alloc", "--only", "C,Perl", "--blocks", 20000, "--limit", "64M",
                      "--export-page", "x.html")
        rows = commands(made)
        peak = {name: row["peak_memory_bytes"]["median"] for name, row in rows.items()}
        self.assertLess(peak["drop: C"], 4 * MIB)
        self.assertTrue(10e6 < peak["ring: C"] < 14 * MIB, peak["ring: C"])
        self.assertTrue(10e6 < peak["ring: Perl"] < 24 * MIB, peak["ring: Perl"])
        self.assertNotIn("cycle: C", rows)  # which has nothing that collects
        for name in ("cycle: Perl", "take: C", "take: Perl"):  # Perl keeps cycles for ever
            self.assertGreater(peak[name], 64 * MIB)
            self.assertIn("reached the limit of 64 MiB", rows[name]["trouble"])
        self.assertEqual(rows["ring: C"]["note"], "10,000 bytes, all written")
        resident = rows["take: C"]["timeline"]["samples"]["resident_bytes"]
        self.assertGreater(max(resident), 64 * MIB)


if __name__ == "__main__":
    unittest.main(verbosity=2)
