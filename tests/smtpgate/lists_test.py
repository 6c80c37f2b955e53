#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists decide as postscreen's syntax says: from rbldnsd behind unbound, and from files."""
import time
import unittest

from lab import (Client, Gate, Rbldnsd, ScriptedDns, Sink, Unbound, eventually, free_address, main,
                 reverse_records)

LISTED, TWICE, POLICY, VOUCHED = "11.201.1.1", "11.202.1.1", "11.203.1.1", "11.204.1.1"


class Lists(unittest.TestCase):
    def verdict(self, gate, address):
        """What a client is told, and its log line. A local file refuses in place of a greeting."""
        with Client(address) as client:
            said = client.reply()
            if said.code == 220:
                said = client.command("EHLO c.example")
            client.command("QUIT")
        return said, gate.line(address)

    def test_rbldnsd_behind_unbound(self):
        zones = {"bl.test": ("ip4set", ":127.0.0.2:Listed, see http://bl.test/$\n11.201.0.0/16\n"
                                       ":127.0.0.10:Policy\n11.203.0.0/16\n11.202.0.0/16\n"
                                       ":127.0.0.4:More\n11.202.0.0/16"),
                 "wl.test": ("ip4trie", ":127.0.1.2:\n11.204.0.0/16")}
        with Rbldnsd(zones) as rbl, Unbound({z: rbl.address for z in zones}) as unbound, Sink(), \
             Gate({"dns": {"servers": [unbound.host]},
                   "dnsbl": [{"zone": "bl.test=127.0.0.[2..9]*8", "trusted": True,
                              "url": "https://bl.test/why?{ip}"},
                             {"zone": "wl.test=127.0.[0..255].[1;2]*-5"}]}) as gate:
            said, line = self.verdict(gate, LISTED)
            self.assertEqual(said.code, 550)
            self.assertIn(f"5.7.1 Client {LISTED} is listed by bl.test", said.text)
            self.assertIn(f"https://bl.test/why?{LISTED}", said.text)
            self.assertIn(f"[{line['id']}]", said.text)
            self.assertEqual((line["reason"], line["score"]), ("listed", "8"))
            self.assertIn("bl.test:127.0.0.2", line["lists"])

            said, line = self.verdict(gate, TWICE)  # several A records, one of them counts
            self.assertEqual((said.code, line["score"]), (550, "8"))
            said, line = self.verdict(gate, POLICY)  # outside the filter
            self.assertEqual((said.code, line["score"]), (250, "0"))
            said, line = self.verdict(gate, VOUCHED)
            self.assertEqual((said.code, line["reason"], line["score"]), (250, "skip-score", "-5"))
            said, line = self.verdict(gate, free_address())
            self.assertEqual((said.code, line["lists"]), (250, "bl.test:-;wl.test:-"))

    def test_files_need_no_dns(self):
        gate = Gate()
        ip4 = gate.folder / "drop.ip4set"
        ip4.write_text(":127.0.0.9:Drop $\n11.201.0.0/16\n!11.201.9.9\n")
        gate.configure({"dnsbl": [{"file": str(ip4), "weight": 8}]})
        with Sink(), gate:
            said, line = self.verdict(gate, LISTED)
            self.assertEqual((said.code, line["lists"]), (554, "drop.ip4set:127.0.0.9"))
            self.assertEqual(self.verdict(gate, "11.201.9.9")[0].code, 250)
            # A changed file is taken without being told.
            ip4.write_text(":127.0.0.9:Drop $\n11.205.0.0/16\n")
            eventually(lambda: "list files changed" in gate.log_text(), 8)
            self.assertEqual(self.verdict(gate, "11.205.1.1")[0].code, 554)
            self.assertEqual(self.verdict(gate, "11.201.7.7")[0].code, 250)
            # A broken one is not, and is told of.
            ip4.write_text("this is no list\n")
            eventually(lambda: "keeping the old lists" in gate.log_text(), 8)
            self.assertEqual(self.verdict(gate, "11.205.1.2")[0].code, 554)

    def test_access_files(self):
        gate = Gate()
        allow, deny = gate.folder / "allow", gate.folder / "deny"
        allow.write_text("11.206.1.0/24  # a friend\n2a0f:ffff:6::/48\n")
        deny.write_text("11.206.0.0/16  # all of that network\n"
                        "11.207.1.1  until=2020-01-01T00:00:00Z  # long ago\n")
        gate.configure({"access": {"allow": [str(allow)], "deny": [str(deny)]}})
        with Sink(), gate:
            with Client("11.206.2.2") as client:
                reply = client.reply()
                self.assertEqual((reply.code, reply.text[:5]), (554, "5.7.1"))
                self.assertEqual(client.command("EHLO c.example").code, 503)
                self.assertEqual(client.command("QUIT").code, 221)
            self.assertEqual(gate.line("11.206.2.2")["reason"], "deny-list")
            for friend in ("11.206.1.1", "2a0f:ffff:6::1"):
                began = time.monotonic()
                with Client(friend) as client:
                    self.assertEqual(client.reply().code, 220)
                    self.assertLess(time.monotonic() - began, 0.2)
                    client.command("QUIT")
                self.assertEqual(gate.line(friend)["reason"], "allow-list")
            self.assertEqual(self.verdict(gate, "11.207.1.1")[0].code, 250)

    def test_weights_add_up_and_one_untrusted_list_refuses_for_now_only(self):
        script = {zone: (lambda q: [q.a("127.0.0.2")]) for zone in ("a.test", "b.test")}
        for zones, trusted, expected in ((["a.test*5", "b.test*3"], False, 550),
                                         (["a.test*5"], False, 250),
                                         (["a.test*9"], False, 451), (["a.test*9"], True, 550)):
            lists = [{"zone": zone, "trusted": trusted} for zone in zones]
            with self.subTest(lists=lists), ScriptedDns(script) as dns, Sink(), \
                 Gate({"dns": {"servers": [dns.address]}, "dnsbl": lists}) as gate:
                said, line = self.verdict(gate, free_address())
                self.assertEqual(said.code, expected, line)

    def test_hundred_clients_of_one_address_ask_once(self):
        slow = {"bl.test": lambda q: [(0.4, q.negative())]}
        with ScriptedDns(slow) as dns, Sink(), \
             Gate({"dns": {"servers": [dns.address]}, "limits": {"per_ip": 200, "per_net24": 200,
                                                                 "rate_ip": "0/min"},
                   "banner": {"wait": "2s"}, "dnsbl": [{"zone": "bl.test*8"}]}) as gate:
            address = free_address()
            clients = [Client(address) for _ in range(100)]
            for client in clients:
                self.assertEqual(client.reply().code, 220)
                client.command("QUIT")
                client.close()
            self.assertEqual(dns.times_asked("bl.test"), 1)
            gate.wait_for_lines(100)

    def test_reverse_names(self):
        good, liar = "11.208.1.1", "11.208.1.2"
        records = reverse_records(good, "mx.good.test") + [
            "2.1.208.11.in-addr.arpa. 60 IN PTR mx.good.test."]
        with Unbound({}, records) as unbound, Sink(), \
             Gate({"dns": {"servers": [unbound.host]},
                   "rdns": {"check": True, "missing": 8, "unconfirmed": 1}}) as gate:
            said, line = self.verdict(gate, good)
            self.assertEqual((said.code, line["rdns"]), (250, "confirmed:mx.good.test"))
            said, line = self.verdict(gate, liar)
            self.assertEqual((said.code, line["score"], line["rdns"]),
                             (250, "1", "unconfirmed:mx.good.test"))
            said, line = self.verdict(gate, free_address())
            self.assertEqual((said.code // 100, line["rdns"]), (5, "missing"))

    def test_ipv6_is_asked_in_nibbles_where_the_list_has_it(self):
        with ScriptedDns({"v6.test": lambda q: [q.a("127.0.0.2")]}) as dns, Sink(), \
             Gate({"dns": {"servers": [dns.address]},
                   "dnsbl": [{"zone": "v6.test*8", "ipv6": True, "trusted": True},
                             {"zone": "v4.test*8"}]}) as gate:
            said, _ = self.verdict(gate, "2a0f:ffff::1234")
            self.assertEqual(said.code, 550)
            self.assertEqual(dns.asked[
                "4.3.2.1." + "0.0.0.0." * 5 + "f.f.f.f.f.0.a.2.v6.test", 1], 1, dns.asked)
            self.assertEqual(dns.times_asked("v4.test"), 0)

    def test_private_addresses_are_nobodys_business(self):
        with ScriptedDns({"bl.test": lambda q: [q.a("127.0.0.2")]}) as dns, Sink(), \
             Gate({"dns": {"servers": [dns.address]}, "listen": {"addresses": ["127.0.0.1:25"]},
                   "rdns": {"check": True}, "dnsbl": [{"zone": "bl.test*8"}]}) as gate:
            with Client("127.0.0.1", to="127.0.0.1") as client:
                self.assertEqual(client.reply().code, 220)
                client.command("QUIT")
            gate.wait_for_lines(1)
            self.assertEqual(sum(dns.asked.values()), 0)

    def test_no_wait_for_answers_that_change_nothing(self):
        answers = {"slow.test": lambda q: [(3, q.negative())],
                   "fast.test": lambda q: [q.a("127.0.0.2")]}
        with ScriptedDns(answers) as dns, Sink(), \
             Gate({"dns": {"servers": [dns.address]}, "banner": {"wait": "3s"},
                   "dnsbl": [{"zone": "slow.test*1"},
                             {"zone": "fast.test*8", "trusted": True}]}) as gate:
            began = time.monotonic()
            said, _ = self.verdict(gate, free_address())
            self.assertEqual(said.code, 550)
            self.assertLess(time.monotonic() - began, 2.9)  # the slow list would take 3 s


main()
