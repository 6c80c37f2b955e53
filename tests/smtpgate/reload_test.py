#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A reload takes a good configuration at once, keeps the old one for a bad, and loses no client."""
import unittest

from lab import Client, Gate, Sink, eventually, free_address, main


class Reload(unittest.TestCase):
    def banner(self):
        with Client(free_address()) as client:
            return client.line()

    def test_good_configuration_by_signal_and_by_command(self):
        with Sink(), Gate() as gate:
            waiting = Client(free_address())
            self.assertEqual(waiting.line(), b"220-mx.test ESMTP\r\n")
            gate.configure({"banner": {"name": "new.test"}})
            gate.reload()
            eventually(lambda: self.banner() == b"220-new.test ESMTP\r\n", 5)
            # Who was greeted by the old name gets the rest of the old greeting.
            self.assertEqual(waiting.line(), b"220 mx.test ESMTP\r\n")
            waiting.close()
            gate.configure({"banner": {"name": "newer.test"}})
            self.assertIn("reloaded", gate.cli("reload"))
            eventually(lambda: self.banner() == b"220-newer.test ESMTP\r\n", 5)
            self.assertEqual(gate.metrics()["smtpgate_config_reload_success"], 1)

    def test_bad_configuration_changes_nothing(self):
        with Sink(), Gate() as gate:
            gate.config_file.write_text('[backend]\nhandoff = "plain:127.0.0.1:2525"\n'
                                        "[limit]\nper_ip = 1\n")
            text = gate.cli("reload", check=1)
            self.assertRegex(text, r':3: .*limit.*did you mean .*limits')
            gate.reload()  # the command looks at the file itself, the daemon need not trust it
            eventually(lambda: "keeping the old configuration" in gate.log_text(), 3)
            self.assertEqual(gate.metrics()["smtpgate_config_reload_success"], 0)
            self.assertEqual(self.banner(), b"220-mx.test ESMTP\r\n")
            gate.configure({})
            gate.cli("reload")
            self.assertEqual(gate.metrics()["smtpgate_config_reload_success"], 1)

    def test_what_needs_a_restart_is_named(self):
        with Sink(), Gate() as gate:
            gate.configure({"listen": {"workers": 1}})
            gate.reload()
            eventually(lambda: "need a restart" in gate.log_text(), 5)
            self.assertIn("[listen] workers", gate.log_text())

    def test_new_backend_is_used(self):
        with Sink() as old, Sink(port=2526) as new, Gate() as gate:
            gate.configure({"backend": {"handoff": ["plain:127.0.0.1:2526"]}})
            gate.cli("reload")
            address = free_address()
            with Client(address) as client:
                client.reply()
                self.assertEqual(client.command("EHLO to.the.new").code, 250)
                client.command("QUIT")
            gate.line(address)
            self.assertTrue(any(b"to.the.new" in session for session in new.sessions))
            self.assertFalse(any(b"to.the.new" in session for session in old.sessions))

    def test_many_reloads_under_load(self):
        with Sink(), Gate({"limits": {"rate_ip": "0/min"}}) as gate:
            clients = []
            for _ in range(20):
                clients += [Client(free_address()) for _ in range(5)]
                gate.reload()
            for client in clients:
                self.assertEqual(client.reply().code, 220)
                self.assertEqual(client.command("QUIT").code, 221)
                client.close()
            gate.wait_for_lines(100)


main()
