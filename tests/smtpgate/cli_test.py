#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The subcommands answer for what the daemon did, change what it does, and say what is wrong."""
import json
import re
import unittest

from lab import (Client, Gate, Postfix, Rbldnsd, ScriptedDns, Sink, eventually, free_address, main,
                 run_cli, scratch)

LISTED = "11.221.1.1"


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(Sink())
        gate = cls.gate = Gate()
        (gate.folder / "allow").write_text("")
        (gate.folder / "deny").write_text("")
        (gate.folder / "bad.ip4set").write_text(":127.0.0.2:\n11.221.0.0/16\n")
        gate.configure({
            "access": {"allow": [str(gate.folder / "allow")], "deny": [str(gate.folder / "deny")]},
            "log": {"file": str(gate.folder / "conn.log")},
            "dnsbl": [{"file": str(gate.folder / "bad.ip4set"), "name": "bad.example",
                       "weight": 8}]})
        cls.enterClassContext(gate)
        gate.log = gate.folder / "conn.log"

    def visit(self, address, first=b""):
        with Client(address, first=first) as client:
            said = client.reply()
            if said.code == 220:
                said = client.reply() if first else client.command("EHLO c.example")
            client.command("QUIT")
        return said

    def test_why_of_a_stranger(self):
        address = free_address()
        text = self.gate.cli("why", address)
        self.assertIn("never seen", text)
        self.assertIn("would be handed to the mail server", text)

    def test_why_of_a_listed_client(self):
        said = self.visit(LISTED)
        self.assertEqual(said.code, 554)
        eventually(lambda: "never seen" not in self.gate.cli("why", LISTED, check=3), 4)
        text = self.gate.cli("why", LISTED, check=3)
        for part in ("1 listed", "refuse (listed), score 8",
                     "bad.example (weight 8): listed: 127.0.0.2",
                     "would be refused", "550 5.7.1 Client 11.221.1.1 is listed by bad.example"):
            self.assertIn(part, text)
        facts = self.gate.cli_json("why", LISTED, check=3)
        self.assertEqual((facts["verdict"], facts["reason"]), ("refuse", "listed"))
        self.assertEqual(facts["history"]["faults"]["listed"], 1)

    def test_why_of_a_connection(self):
        address = free_address()
        said = self.visit(address, b"EHLO early\r\n")
        identity = re.search(r"\[(\w{13})\]", said.text)[1]
        text = eventually(lambda: self.gate.lines(address) and self.gate.cli("why", identity))
        self.assertIn(f"connection {identity} from {address}:", text)
        self.assertIn("refuse (pregreet)", text)
        self.assertIn("before it was greeted (smtp)", text)
        self.assertIn("no connection 0000000000000", self.gate.cli("why", "0000000000000", check=1))

    def test_test_is_a_dry_run(self):
        address = free_address()
        self.assertIn("would be handed", self.gate.cli("test", address))
        self.assertIn("would be refused", self.gate.cli("test", address, "--talks", check=3))
        self.assertIn("would be refused", self.gate.cli("test", LISTED, check=3))
        self.assertIsNone(self.gate.cli_json("why", address)["history"], "it left no trace")

    def test_status(self):
        status = self.gate.cli_json("status")
        self.assertEqual((status["mode"], status["workers"]), ("enforce", 2))
        self.assertEqual(status["backends"], [{"uri": "plain:127.0.0.1:2525", "up": True}])
        for label in ("mode", "connections", "CPU", "history", "backend"):
            self.assertIn(label, self.gate.cli("status"))

    def test_top(self):
        busy = free_address()
        for _ in range(3):
            self.visit(busy, b"EHLO early\r\n")
        def first():
            rows = self.gate.cli_json("top", "--by", "pregreet", "-n", "1")
            return rows if rows and busy in json.dumps(rows) else None
        eventually(first, 4, "the busiest early talker on top")
        self.assertIn(busy, self.gate.cli("top", "--by", "pregreet"))
        network = busy.rsplit(".", 1)[0] + ".0/24"
        self.assertIn(network, self.gate.cli("top", "--by", "pregreet", "--networks"))
        self.gate.cli("top", "--by", "beauty", check=1)

    def test_allow_deny_and_back(self):
        address = free_address()
        network = address.rsplit(".", 1)[0] + ".0/24"
        said = self.gate.cli("deny", network, "--for", "1h", "--note", "a test")
        self.assertIn("added until", said)
        eventually(lambda: self.refused(address), 8, "the daemon to take the new deny list")
        self.assertIn("a test", self.gate.cli("why", address, check=3))
        self.gate.cli("allow", address, "--note", "but not this one")
        eventually(lambda: not self.refused(address), 8)
        self.gate.cli("allow", address, "--remove")
        eventually(lambda: self.refused(address), 8)
        self.gate.cli("deny", network, "--remove")
        eventually(lambda: not self.refused(address), 8)
        self.assertIn("11.1.1/99", self.gate.cli("deny", "11.1.1/99", check=1))

    def refused(self, address):
        with Client(address) as client:
            return client.line()[:3] == b"554"

    def test_forget(self):
        address = free_address()
        self.visit(address)
        eventually(lambda: self.gate.cli_json("why", address)["history"], 4)
        self.assertIn("forgotten", self.gate.cli("forget", address))
        self.assertIsNone(self.gate.cli_json("why", address)["history"])
        self.assertIn("was not known", self.gate.cli("forget", address, check=1))
        with Client(address) as client:
            self.assertEqual(len(client.reply().lines), 2, "it is tested again")

    def test_lists(self):
        rows = self.gate.cli_json("lists")
        self.assertEqual([(row["name"], row["source"]) for row in rows], [("bad.example", "file")])
        self.assertIn("bad.example", self.gate.cli("lists"))

    def test_replay_log(self):
        for first in (b"", b"EHLO early\r\n"):
            self.visit(free_address(), first)
        said = self.visit("11.221.7.7")
        self.assertEqual(said.code, 554)
        eventually(lambda: self.gate.lines("11.221.7.7"))
        new = scratch() / "new.toml"
        text = self.gate.config_file.read_text()
        new.write_text(text)
        same = json.loads(run_cli("replay-log", self.gate.log, "-c", new, "--json"))
        self.assertGreater(same["connections"], 2)
        # Other tests changed the access lists since, so those verdicts may differ.
        changed = [c for c in same["changes"] if "y-list" not in str(c) and "w-list" not in str(c)]
        self.assertEqual(changed, [], "the same configuration decides the same")
        new.write_text(text.replace("weight = 8", "weight = 2") + '[pregreet]\naction = "ignore"\n')
        told = json.loads(run_cli("replay-log", self.gate.log, "-c", new, "--json"))
        changes = {(c["from"], c["to"]): c["connections"] for c in told["changes"]}
        self.assertGreaterEqual(changes["refuse (listed)", "handoff (passed)"], 1)
        self.assertGreaterEqual(changes["refuse (pregreet)", "handoff (passed)"], 1)
        self.assertIn("otherwise than before", run_cli("replay-log", self.gate.log, "-c", new))


BACKEND = '[backend]\nhandoff = "plain:127.0.0.1:2525"\n'


class Setup(unittest.TestCase):
    def test_check_names_file_line_and_nearest_key(self):
        file = scratch() / "bad.toml"
        for text, complaint in (
                (BACKEND + "[limits]\nper_ipp = 3\n",
                 'bad.toml:4: unknown key "per_ipp" in [limits] (did you mean "per_ip"?)'),
                ("[listen]\naddresses = []\n", "handoff"),
                (BACKEND + '[banner]\nwait = "fast"\n', "bad.toml:4"),
                (BACKEND + '[[dnsbl]]\nzone = "dnsbl.sorbs.net"\n', "dnsbl.sorbs.net"),
                ("[backend\n", "bad.toml:1")):
            with self.subTest(text=text):
                file.write_text(text)
                self.assertIn(complaint, run_cli("check", "-c", file, check=1))
                self.assertIn(complaint, run_cli("run", "-c", file, check=1), "run says it too")
        self.assertIn("No such file", run_cli("check", "-c", scratch() / "none.toml", check=1))

    def test_smallest_configuration(self):
        file = scratch() / "small.toml"
        file.write_text('[listen]\naddresses = ["127.0.0.1:2526"]\n' + BACKEND)
        self.assertIn("OK, observe mode", run_cli("check", "-c", file))
        dumped = scratch() / "dumped.toml"
        dumped.write_text(run_cli("check", "--dump", "-c", file))
        self.assertEqual(run_cli("check", "--dump", "-c", dumped), dumped.read_text())
        self.assertIn("per_ip", run_cli("check", "--explain", "limits.per_ip"))

    def test_doctor(self):
        zones = {"bl.test": ("ip4set", ":127.0.0.2:\n127.0.0.2\n")}
        with Rbldnsd(zones) as rbl, Postfix() as postfix, \
             Gate({"backend": {"handoff": [f"postfix-pass:{postfix.pass_socket}",
                                           f"proxy-v2:{postfix.PROXY}"]},
                   "dns": {"servers": [rbl.address]}, "dnsbl": [{"zone": "bl.test*8"}]}) as gate:
            text = gate.cli("doctor")
            for part in ("bl.test", "postfix-pass", "proxy-v2", "the daemon runs",
                         "nothing is in the way"):
                self.assertIn(part, text)
            self.assertNotIn("BAD", text)

    def test_doctor_finds_what_is_wrong(self):
        with ScriptedDns({"bl.test": lambda q: [q.a("127.0.0.2")]}) as dns:
            gate = Gate({"backend": {"handoff": ["proxy-v2:127.0.0.1:2999"]},
                         "dns": {"servers": [dns.address]}, "dnsbl": [{"zone": "bl.test*8"}]})
            text = gate.cli("doctor", check=1)
            self.assertRegex(text, r"BAD .*bl\.test")
            self.assertRegex(text, r"BAD .*2999")
            self.assertIn("the daemon does not run", text)

    def test_import_postscreen(self):
        folder = scratch() / "import"
        folder.mkdir()
        (folder / "access.cidr").write_text("192.0.2.0/24 permit\n198.51.100.0/24 reject\n")
        (folder / "main.cf").write_text(
            "myhostname = mx.example.net\nqueue_directory = /var/spool/postfix\n"
            "postscreen_greet_wait = 4s\npostscreen_dnsbl_threshold = 3\n"
            "postscreen_dnsbl_sites = zen.example.org=127.0.0.[2..11]*3\n    list.example.org*-2\n"
            f"postscreen_access_list = permit_mynetworks, cidr:{folder}/access.cidr\n")
        run_cli("import", "postscreen", folder / "main.cf", "-o", folder)
        made = next(folder.glob("*.toml"))
        text = made.read_text()
        for part in ("mx.example.net", "4s", "zen.example.org", "observe",
                     "postfix-pass:/var/spool/postfix/private/smtpd"):
            self.assertIn(part, text)
        self.assertIn("OK", run_cli("check", "-c", made))
        self.assertIn("192.0.2.0/24", "".join(f.read_text() for f in folder.iterdir()
                                              if "allow" in f.name))

    def test_usage(self):
        self.assertIn("Examples:", run_cli("--help"))
        self.assertRegex(run_cli("--version"), r"^smtpgate \d+\.\d+\.\d+$")
        run_cli(check=2)
        run_cli("dance", check=2)
        self.assertIn("is no address", run_cli("test", "nowhere", check=1))

    def test_commands_without_a_daemon_say_so(self):
        gate = Gate()
        for command in ("status", "lists", "reload"):
            self.assertRegex(gate.cli(command, check=1), "no daemon|not run")


main()
