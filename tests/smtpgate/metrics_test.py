#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The metrics have the promised names, agree with the log, and hold no client's address."""
import re
import unittest
import urllib.error
import urllib.request

from lab import Client, Gate, ScriptedDns, Sink, free_address, main

NAMES = """connections_total verdicts_total pregreet_class_total pregreet_seconds waiting_room_used
waiting_room_limit concurrency_limited_total dns_queries_total dns_seconds dns_cache_hits_total
dns_inflight list_listed_ratio list_breaker_state list_budget_used_ratio list_data_age_seconds
partial_scores_total history_entries history_bytes history_evictions_total handoff_total
handoff_seconds backend_up relay_bytes_total relay_active sessions loop_lag_seconds
cpu_seconds_per_connection config_reload_success build_info""".split()


class Metrics(unittest.TestCase):
    def test_names_and_sums(self):
        gate = Gate()
        dns = ScriptedDns({"bl.test": lambda q: [q.negative()]})
        zone = gate.folder / "x.ip4set"
        zone.write_text(":127.0.0.2:\n11.241.0.0/16\n")
        gate.configure({"dns": {"servers": [dns.address]}, "limits": {"per_ip": 2},
                        "dnsbl": [{"zone": "bl.test*8"}, {"file": str(zone), "weight": 8}]})
        addresses = []
        with dns, Sink(), gate:
            for first in (b"", b"EHLO early\r\n", b"GET / HTTP/1.0\r\n\r\n"):
                for address in (free_address(), "11.241.3.3"):
                    addresses.append(address)
                    with Client(address, first=first) as client:
                        client.reply()
                        client.command("QUIT") if not first else client.reply()
            lines = gate.wait_for_lines(6)
            metrics = gate.metrics()
            families = {re.sub(r"(_bucket|_sum|_count)?(\{.*)?$", "", name) for name in metrics}
            self.assertEqual([n for n in NAMES if f"smtpgate_{n}" not in families], [])
            for prefix in ("smtpgate_connections_total", "smtpgate_verdicts_total",
                           "smtpgate_closed_total"):
                total = sum(v for name, v in metrics.items() if name.startswith(prefix))
                self.assertEqual(total, len(lines), prefix)
            self.assertEqual(metrics["smtpgate_waiting_room_used"], 0)
            text = "\n".join(metrics)
            for address in addresses:
                self.assertNotIn(address, text)

    def test_http_is_no_way_in(self):
        with Sink(), Gate() as gate:
            def fetch(path, method="GET"):
                request = urllib.request.Request(f"http://127.0.0.1:9725{path}", method=method)
                try:
                    with urllib.request.urlopen(request, timeout=5) as answer:
                        return answer.status
                except urllib.error.HTTPError as error:
                    return error.code
            self.assertEqual(fetch("/metrics"), 200)
            self.assertEqual(fetch("/status"), 200)
            self.assertEqual(fetch("/etc/passwd"), 404)
            self.assertIn(fetch("/metrics", "POST"), (400, 405))
            for garbage in (b"\0" * 100, b"GET " + b"a" * 100_000 + b"\r\n\r\n", b"\xff\r\n\r\n"):
                with Client("127.0.0.1", to="127.0.0.1", port=9725, timeout=15) as client:
                    client.send(garbage).half_close()
                    client.rest()
            self.assertEqual(fetch("/metrics"), 200)
            self.assertIsNone(gate.process.poll())


main()
