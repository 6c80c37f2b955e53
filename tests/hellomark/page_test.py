#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real browser opens the pages, offline, and reads from the plots what the report says."""
import json
import unittest

from selenium import webdriver

from tool import FOLDER, hellomark

MEDIANS = """return Chart.getChart("starts").data.datasets[0].data.map((dot) => dot.x)"""
TOOLTIP = """
const chart = Chart.getChart("starts");
const { x, y } = chart.getDatasetMeta(0).data[arguments[0]].getProps(["x", "y"]);
chart.tooltip.setActiveElements([{ datasetIndex: 0, index: arguments[0] }], { x, y });
chart.update();
return chart.tooltip.body[0].lines[0];
"""
LINES = """return Chart.getChart("timeline-0").data.datasets.map((line) =>
  [line.label, Math.max(...line.data.map((point) => point.y))])"""


def browser(dark=False):
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,1800",
                     "--host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
    return driver


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        hellomark("run", "-q", "-r", 30, "-n", "nap", "-n", "echo </script> & <b>", "--export-json",
                  "run.json", "--export-page", "run.html", "--export-picture", "run.svg", "--",
                  "sleep", "0.01", "--", "echo", "x")
        cls.timed = json.loads((FOLDER / "run.json").read_text())
        hellomark("memory", "-q", "--export-json", "memory.json", "--export-page", "memory.html",
                  "--export-picture", "memory.png", "--", "perl", "-e",
                  "for (1..50) { $x .= 'x' x 1e6; select undef, undef, undef, .004 }")
        cls.recorded = json.loads((FOLDER / "memory.json").read_text())
        cls.driver = browser()
        cls.addClassCleanup(cls.driver.quit)

    def open(self, name):
        self.driver.get(f"file://{FOLDER}/{name}")
        self.assertEqual(self.driver.get_log("browser"), [])

    def test_starts(self):
        self.open("run.html")
        rows = sorted(self.timed["commands"], key=lambda row: row["wall_seconds"]["median"])
        self.assertEqual(self.driver.execute_script(MEDIANS),
                         [row["wall_seconds"]["median"] for row in rows])
        line = self.driver.execute_script(TOOLTIP, 2)
        self.assertRegex(line, r"^nap: 1\d\.\d ms, 95 % interval 1\d\.\d ms to 1\d\.\d ms$")
        self.assertIn("echo </script> & <b>", self.driver.find_element("id", "figures").text)
        self.assertIn("times faster than nap", self.driver.find_element("id", "differences").text)

    def test_sorting(self):
        self.open("run.html")
        titles = self.driver.find_elements("css selector", "#figures th")
        next(title for title in titles if title.text == "median").click()
        first = self.driver.find_element("css selector", "#figures tbody tr td").text
        self.assertEqual(first, "(floor)")

    def test_timeline(self):
        self.open("memory.html")
        samples = self.recorded["commands"][0]["timeline"]["samples"]
        (name, most), = self.driver.execute_script(LINES)
        self.assertTrue(name.startswith("perl -e"))
        self.assertAlmostEqual(most, max(samples["resident_bytes"]) / 2**20)
        self.driver.find_element("xpath", "//button[text()='CPU time']").click()
        (_, most), = self.driver.execute_script(LINES)
        self.assertAlmostEqual(most, max(samples["cpu_seconds"]))

    def test_dark_and_print(self):
        dark = browser(dark=True)
        self.addCleanup(dark.quit)
        for driver, wanted in ((self.driver, "rgb(255, 255, 255)"), (dark, "rgb(20, 23, 26)")):
            driver.get(f"file://{FOLDER}/run.html")
            body = driver.find_element("tag name", "body")
            paper = driver.execute_script("return getComputedStyle(arguments[0]).backgroundColor", body)
            self.assertEqual(paper, wanted)
        dark.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        paper = dark.execute_script("return getComputedStyle(document.body).backgroundColor")
        self.assertEqual(paper, "rgb(255, 255, 255)")

    def test_pictures(self):
        self.assertIn("nap", (FOLDER / "run.svg").read_text())
        self.assertTrue((FOLDER / "memory.png").read_bytes().startswith(b"\x89PNG"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
