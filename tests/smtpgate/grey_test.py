#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Doubtful clients, and they alone, are asked to come back, and then go on in the same session."""
import os
import signal
import ssl
import subprocess
import time
import unittest

from lab import (Client, Exim, Gate, Postfix, ScriptedDns, Sink, Unbound, eventually, free_address,
                 main, pids_of, reverse_records, scratch)

MIN = 1.0  # seconds that a retry must wait, as the tests configure it
MESSAGE = b"Subject: doubtful\r\n\r\n" + bytes(range(32, 127)) + b"\r\n..dots\r\n"


def doubtful_gate(handoff="plain:127.0.0.1:2525", grey=None, **sections) -> Gate:
    """A gate to which every client of 11/8 but 11.199/16 is doubtful."""
    gate = Gate()
    file = gate.folder / "doubt.ip4set"
    file.write_text(":127.0.0.2:doubtful\n11.0.0.0/8\n!11.199.0.0/16\n")
    gate.configure({"backend": {"handoff": [handoff] if isinstance(handoff, str) else handoff,
                                "probe_interval": "1s"},
                    "banner": {"wait": "100ms", "min_wait": "50ms"},
                    "dnsbl": [{"file": str(file), "weight": 4}],
                    "grey": {"min": "1s", "scope": ["net"], **(grey or {})}, **sections})
    return gate


def up_to_rcpt(client, sender="a@example.com", to="b@example.net", hello="EHLO c.example"):
    """The reply to the first RCPT of a session."""
    assert client.reply().code == 220
    assert client.command(hello).code == 250
    assert client.command(f"MAIL FROM:<{sender}>").code == 250
    return client.command(f"RCPT TO:<{to}>")


def defer(address, **mail):
    """A first try, which must be deferred."""
    with Client(address) as client:
        reply = up_to_rcpt(client, **mail)
        assert reply.code == 451 and reply.text.startswith("4.7.1 "), reply
        assert client.command("QUIT").code == 221


class Greylisting(unittest.TestCase):
    def test_deferred_then_delivered_in_one_session(self):
        with Sink() as sink, doubtful_gate(grey={"min": "2s"}) as gate:
            address, other = free_address(), free_address()
            with Client(address) as client:
                reply = up_to_rcpt(client)
                self.assertEqual(reply.code, 451)
                self.assertEqual(client.command("RCPT TO:<c@example.net>").code, 451)
                self.assertEqual(client.command("DATA").code, 554)
                self.assertEqual(client.command("RSET").code, 250)
                self.assertEqual(client.command("QUIT").code, 221)
            line = gate.line(address)
            self.assertEqual([line[k] for k in ("verdict", "reason", "code", "grey", "from", "rcpt")],
                             ["refuse", "greylisted", "451", "new", "<a@example.com>",
                              "<b@example.net>"])
            self.assertIn(f"[{line['id']}]", reply.text)
            self.assertFalse(any(b"MAIL" in session for session in sink.sessions))

            with Client(address) as client:  # too early, and that does not begin the wait again
                self.assertEqual(up_to_rcpt(client).code, 451)
            time.sleep(2.2)
            said = b"eHLO c.example\r\nMail From:<a@example.com> size=9\r\nRCPT to:<B@example.net> X=1\r\n"
            with Client(address) as client:
                client.reply()
                for command in said.decode().splitlines():
                    self.assertEqual(client.command(command).code, 250)
                self.assertEqual(client.command("RCPT TO:<c@example.net>").code, 250)
                self.assertEqual(client.command("DATA").code, 354)
                self.assertEqual(client.send(MESSAGE + b".\r\n").reply().code, 250)
                self.assertEqual(client.command("QUIT").code, 221)
            # The server was told what the client said, byte for byte, and nothing else.
            self.assertIn(said + b"RCPT TO:<c@example.net>\r\nDATA\r\n" + MESSAGE + b".\r\nQUIT\r\n",
                          [bytes(session) for session in sink.sessions])
            eventually(lambda: len(gate.lines(address)) == 3, 5, "the third log line")
            last = gate.lines(address)[-1]
            self.assertEqual((last["verdict"], last["reason"]), ("handoff", "retried"))
            self.assertRegex(last["grey"], r"^pass:[1-9]")

            neighbour = address.rsplit(".", 1)[0] + ".77"
            with Client(neighbour) as client:  # its network came back, so it is not asked
                self.assertEqual(up_to_rcpt(client, sender="x@example.org").code, 250)
                client.command("QUIT")
            self.assertEqual(gate.line(neighbour)["reason"], "known-scope")
            with Client(other) as client:
                self.assertEqual(up_to_rcpt(client).code, 451)
            metrics = gate.metrics()
            self.assertEqual(metrics['smtpgate_grey_total{event="pass"}'], 1)
            self.assertEqual(metrics['smtpgate_grey_total{event="early"}'], 1)

    def test_clean_strangers_are_not_delayed(self):
        with Sink(), doubtful_gate() as gate:
            with Client("11.199.1.1") as client:
                self.assertEqual(up_to_rcpt(client).code, 250)
                client.command("QUIT")
            self.assertEqual(gate.line("11.199.1.1")["reason"], "passed")

    def test_observing_delays_nobody(self):
        with Sink(), doubtful_gate(mode={"default": "observe"}) as gate:
            address = free_address()
            with Client(address) as client:
                self.assertEqual(up_to_rcpt(client).code, 250)
                client.command("QUIT")
            self.assertEqual(gate.line(address)["doubtful"], "1")

    def test_postmaster_is_never_deferred(self):
        with Sink(), doubtful_gate() as gate:
            address = free_address()
            with Client(address) as client:
                self.assertEqual(up_to_rcpt(client, to="PostMaster").code, 250)
                client.command("QUIT")
            self.assertEqual(gate.line(address)["reason"], "postmaster")
            defer(address)

    def test_a_bounce_is_deferred_after_data(self):
        with Sink(), doubtful_gate() as gate:
            address = free_address()
            with Client(address) as client:
                self.assertEqual(up_to_rcpt(client, sender="").code, 250)
                self.assertEqual(client.command("DATA").code, 451)
                client.command("QUIT")
            self.assertEqual(gate.line(address)["reason"], "greylisted")
            time.sleep(MIN + 0.2)
            with Client(address) as client:
                self.assertEqual(up_to_rcpt(client, sender="").code, 250)
                self.assertEqual(client.command("DATA").code, 354)

    def test_a_restart_forgets_nothing(self):
        gate = doubtful_gate()
        with Sink():
            address = free_address()
            with gate:
                defer(address)
            time.sleep(MIN)
            with gate:
                with Client(address) as client:
                    self.assertEqual(up_to_rcpt(client).code, 250)
                    client.command("QUIT")

    def test_nothing_personal_is_on_disk(self):
        with Sink(), doubtful_gate() as gate:
            defer("11.7.7.7", sender="somebody@sender.example", to="somewhom@example.net")
            eventually(lambda: gate.cli_json("grey", "list"), 5, "a commit")
            for file in gate.history.glob("grey*"):
                data = file.read_bytes()
                for word in (b"sender.example", b"somewhom", b"example.net", b"11.7.7",
                             bytes([11, 7, 7])):
                    self.assertNotIn(word, data, file)
                self.assertEqual(file.stat().st_mode & 0o007, 0, file)


class Identity(unittest.TestCase):
    def test_a_pool_of_addresses_is_known_by_spf_or_by_name(self):
        # Two senders with an address in each of two networks.
        spf = ['pool.example. TXT "v=spf1 ip4:11.20.0.0/16 -all"']
        ptr = reverse_records("11.21.1.1", "out1.host.example") + \
            reverse_records("11.21.2.2", "out2.host.example")
        with Sink(), Unbound({}, [*spf, *ptr]) as unbound, \
             doubtful_gate(grey={"scope": ["spf", "ptr", "net"]}, rdns={"check": True},
                           dns={"servers": [unbound.host]}) as gate:
            for first, second, sender, by in (
                    ("11.20.1.1", "11.20.2.2", "a@pool.example", "pass:pool.example"),
                    ("11.21.1.1", "11.21.2.2", "a@none.example", "none:none.example")):
                defer(first, sender=sender)
                self.assertEqual(gate.line(first)["spf"], by)
                time.sleep(MIN + 0.2)
                with Client(second) as client:
                    self.assertEqual(up_to_rcpt(client, sender=sender).code, 250, sender)
                    client.command("QUIT")
            # Another network of nobody's is as unknown as before.
            defer("11.22.1.1", sender="a@pool.example")
            self.assertEqual(gate.line("11.22.1.1")["spf"], "fail:pool.example")

    def test_a_silent_dns_delays_the_reply_but_not_the_mail(self):
        with Sink(), ScriptedDns({"silent.example": lambda query: []}) as dns, \
             doubtful_gate(grey={"scope": ["spf", "net"]},
                           dns={"servers": [dns.address], "timeout": "500ms"}) as gate:
            address = free_address()
            defer(address, sender="a@silent.example")
            self.assertEqual(gate.line(address)["spf"], "temperror:silent.example")


class Protocol(unittest.TestCase):
    """What no mail server does ends the dialogue, in valid SMTP."""

    def test_faults(self):
        rows = {
            "pipelining": b"EHLO c.example\r\nMAIL FROM:<a@example.com>\r\n",
            "non-smtp": b"GET / HTTP/1.1\r\n",
            "bare-lf": b"EHLO c.example\n",
            "long-line": b"EHLO " + b"x" * 5000 + b"\r\n",
        }
        with Sink() as sink, doubtful_gate() as gate:
            for fault, data in rows.items():
                with self.subTest(fault):
                    address = free_address()
                    with Client(address) as client:
                        client.reply()
                        reply = client.send(data).reply()
                        if reply.code == 500:  # the first time it may be an accident
                            reply = client.send(data).reply()
                        elif reply.code == 250:  # to the command that was not waited for
                            reply = client.reply()
                        self.assertEqual(reply.code, 421)
                        self.assertIsNone(client.reply(), "and it is closed")
                    self.assertEqual(gate.line(address)["reason"], "protocol")
                    self.assertEqual(
                        gate.metrics()[f'smtpgate_dialogue_faults_total{{fault="{fault}"}}'], 1)
            # To leave without waiting for one's last reply is what many good servers do.
            address = free_address()
            with Client(address) as client:
                self.assertEqual(up_to_rcpt(client).code, 451)
                client.send(b"RSET\r\nQUIT\r\n")
                self.assertEqual(client.reply().code, 250)
                self.assertEqual(client.reply().code, 221)
            self.assertEqual(gate.line(address)["reason"], "greylisted")
            self.assertFalse(any(b"MAIL" in session for session in sink.sessions))

    def test_refused_message_data_is_no_command(self):
        with Sink(), doubtful_gate():
            with Client(free_address()) as client:
                self.assertEqual(up_to_rcpt(client).code, 451)
                client.send(b"BDAT 26 LAST\r\nMAIL FROM:<x@y.example>\r\nQ")
                self.assertEqual(client.reply().code, 554)
                self.assertEqual(client.command("NOOP").code, 250)
                client.command("QUIT")

    def test_slow_clients_are_ended(self):
        with Sink(), doubtful_gate(limits={"command_timeout": "1s"}) as gate:
            address = free_address()
            with Client(address) as client:
                client.reply()
                for byte in b"EHLO c.ex":  # a byte now and then is no command
                    client.send(bytes([byte]))
                    time.sleep(0.2)
                self.assertEqual(client.reply().code, 421)
            self.assertEqual(gate.line(address)["reason"], "no-mail")

    def test_gone_at_each_step(self):
        commands = [b"", b"EHLO c.example\r\n", b"MAIL FROM:<a@example.com>\r\n",
                    b"RCPT TO:<b@example.net>\r\n", b"RSET\r\n"]
        with Sink(), doubtful_gate() as gate:
            for abrupt in (False, True):
                for count in range(1, len(commands) + 1):
                    address = free_address()
                    client = Client(address)
                    client.reply()
                    for command in commands[1:count]:
                        client.send(command).reply()
                    client.reset() if abrupt else client.close()
                    line = gate.line(address)
                    self.assertEqual(line["reason"], "greylisted" if count > 3 else "no-mail")
            self.assertEqual(gate.metrics()['smtpgate_sessions{stage="dialogue"}'], 0)


class Replay(unittest.TestCase):
    """What the mail server says to a session that is handed over in its middle."""

    def retried(self, gate, sink_change=None):
        """The reply to RCPT of a client that comes back, and the client."""
        address = free_address()
        defer(address)
        if sink_change:
            sink_change()
        time.sleep(MIN + 0.2)
        client = Client(address)
        return address, client, up_to_rcpt(client)

    def test_the_servers_refusal_is_the_recipients_reply(self):
        rows = {  # what the server says where, and what the client is told
            "MAIL": (b"552 5.3.4 too big\r\n", 552),
            "RCPT": (b"550 5.1.1 no such user\r\n", 550),
            "EHLO": (b"550 5.7.1 not you\r\n", 550),
            "greeting": (b"554 5.7.1 go away\r\n", 554),
        }
        for step, (said, code) in rows.items():
            with self.subTest(step), Sink() as sink, doubtful_gate() as gate:
                def change():
                    if step == "greeting":
                        sink.greeting = said
                    else:
                        sink.answers[step] = said
                address, client, reply = self.retried(gate, change)
                with client:
                    self.assertEqual(reply.code, code)
                    self.assertIn(said.split(b" ", 2)[2].decode().strip(), reply.text)
                    client.command("QUIT")
                gate.wait_for_lines(2)

    def test_a_server_that_dies_is_told_for_now(self):
        for step in ("greeting", "EHLO", "MAIL", "RCPT"):
            with self.subTest(step), Sink() as sink, doubtful_gate() as gate:
                def change():
                    if step == "greeting":
                        sink.greeting = Sink.HANG_UP
                    else:
                        sink.answers[step] = Sink.HANG_UP
                address, client, reply = self.retried(gate, change)
                with client:
                    self.assertEqual(reply.code, 421)
                    self.assertIsNone(client.reply())
                gate.wait_for_lines(2)

    def test_the_next_server_takes_over(self):
        with Sink(2525) as first, Sink(2526) as second, \
             doubtful_gate(["plain:127.0.0.1:2525", "plain:127.0.0.1:2526"]) as gate:
            def change():
                first.answers["EHLO"] = b"421 4.3.2 busy\r\n"
            _, client, reply = self.retried(gate, change)
            with client:
                self.assertEqual(reply.code, 250)
                client.command("QUIT")
            self.assertTrue(any(b"RCPT" in session for session in second.sessions))

    def test_a_server_that_offers_less_than_was_announced(self):
        big = b"250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
        small = b"250-mx.test\r\n250 SIZE 1000\r\n"
        with Sink(answers={"EHLO": big}) as sink, doubtful_gate(backend={
                "handoff": ["plain:127.0.0.1:2525"], "probe_interval": "1h"}) as gate:
            eventually(lambda: any(b"EHLO" in s for s in sink.sessions), 5, "the probe")
            time.sleep(0.2)
            address = free_address()
            with Client(address) as client:
                client.reply()
                self.assertEqual(client.command("EHLO c.example").lines,
                                 ["mx.test", "SIZE 1000", "8BITMIME"])
            _, client, reply = self.retried(gate, lambda: sink.answers.update(EHLO=small))
            with client:
                self.assertEqual(reply.code, 451)
                client.command("QUIT")
            # The gate has learnt it.
            with Client("11.198.1.1") as client:
                client.reply()
                self.assertEqual(client.command("EHLO c.example").lines, ["mx.test", "SIZE 1000"])

    def test_without_a_server_to_relay_to(self):
        for fallback, code in (("handoff", 250), ("defer", 451)):
            with self.subTest(fallback), Postfix() as postfix, \
                 doubtful_gate(f"postfix-pass:{postfix.pass_socket}",
                               grey={"fallback": fallback}) as gate:
                address = free_address()
                with Client(address) as client:
                    client.reply()
                    self.assertEqual(client.command("EHLO c.example").code, code)
                    client.command("QUIT")
                self.assertIn("[grey]", gate.log_text())
                if fallback == "defer":
                    self.assertEqual(gate.line(address)["reason"], "greylisted")
                    time.sleep(MIN + 0.2)
                    with Client(address) as client:
                        self.assertEqual(up_to_rcpt(client).code, 250)
                        client.command("QUIT")


class RealServers(unittest.TestCase):
    def delivered(self, gate, address):
        defer(address)
        time.sleep(MIN + 0.2)
        with Client(address) as client:
            client.reply()
            client.deliver(MESSAGE)
        eventually(lambda: len(gate.lines(address)) == 2, 5, "the second log line")
        self.assertEqual(gate.lines(address)[-1]["reason"], "retried")

    def test_postfix(self):
        for check in ("yes", "no"):
            with Postfix(f"smtpd_forbid_unauth_pipelining = {check}") as postfix:
                for kind, to in (("proxy-v2", Postfix.PROXY), ("proxy-v1", Postfix.PROXY),
                                 ("xclient", Postfix.XCLIENT), ("plain", Postfix.PLAIN)):
                    with self.subTest(kind=kind, check=check), \
                         doubtful_gate([f"postfix-pass:{postfix.pass_socket}",
                                        f"{kind}:{to}"]) as gate:
                        address = free_address()
                        self.delivered(gate, address)
                        if kind != "plain":
                            eventually(lambda: f"[{address}]" in postfix.log_text(), 5,
                                       "the real address in Postfix's log")
                        postfix.wait_for_mail()

    def test_exim_that_enforces_synchronisation(self):
        with Exim() as exim, doubtful_gate(f"proxy-v2:{Exim.PROXY}") as gate:
            address = free_address()
            self.delivered(gate, address)
            eventually(lambda: f"[{address}]" in exim.main_log(), 10, "the real address")


class Tls(unittest.TestCase):
    """STARTTLS in the dialogue."""

    @classmethod
    def setUpClass(cls):
        folder = scratch() / "tls"
        folder.mkdir(exist_ok=True)
        cls.cert, cls.key = folder / "cert.pem", folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=mx.test", "-days", "2",
                        "-keyout", cls.key, "-out", cls.cert], check=True, capture_output=True)

    def gate(self, **tls):
        return doubtful_gate(tls={"cert": [str(self.cert)], "key": [str(self.key)], **tls})

    def start_tls(self, client, injected=b""):
        self.assertEqual(client.reply().code, 220)
        self.assertIn("STARTTLS", client.command("EHLO clear.example").lines)
        client.send(b"STARTTLS\r\n" + injected)
        self.assertEqual(client.reply().code, 220)
        context = ssl.create_default_context(cafile=self.cert)
        client.socket = context.wrap_socket(client.socket, server_hostname="mx.test")

    def greylisted(self, client):
        reply = client.command("EHLO tls.example")
        self.assertEqual(reply.code, 250)
        self.assertNotIn("STARTTLS", reply.lines)
        self.assertEqual(client.command("MAIL FROM:<a@example.com>").code, 250)
        return client.command("RCPT TO:<b@example.net>")

    def test_deferred_and_delivered_in_tls(self):
        with Sink() as sink, self.gate() as gate:
            address = free_address()
            with Client(address) as client:
                self.start_tls(client)
                self.assertEqual(self.greylisted(client).code, 451)
                self.assertEqual(client.command("QUIT").code, 221)
            line = gate.line(address)
            self.assertEqual((line["reason"], line["tls"], line["helo"]),
                             ("greylisted", "TLSv1.3", "tls.example"))
            time.sleep(MIN + 0.2)
            with Client(address) as client:
                self.start_tls(client)
                self.assertEqual(self.greylisted(client).code, 250)
                self.assertEqual(client.command("DATA").code, 354)
                self.assertEqual(client.send(MESSAGE * 2000 + b".\r\n").reply().code, 250)
                self.assertEqual(client.command("QUIT").code, 221)
            self.assertTrue(any(MESSAGE * 2000 in session for session in sink.sessions))
            self.assertFalse(any(b"clear.example" in session for session in sink.sessions))
            self.assertEqual(gate.metrics()['smtpgate_tls_handshakes_total{result="ok"}'], 2)

    def test_commands_injected_before_the_handshake_are_not_obeyed(self):
        with Sink(), self.gate() as gate:
            address = free_address()
            with Client(address) as client:
                self.start_tls(client, b"RSET\r\nMAIL FROM:<evil@example.com>\r\n")
                self.assertEqual(self.greylisted(client).code, 451)
                client.command("QUIT")
            self.assertEqual(gate.line(address)["from"], "<a@example.com>")
            self.assertEqual(gate.metrics()["smtpgate_tls_injected_total"], 1)

    def test_failed_handshakes_and_too_many(self):
        with Sink(), self.gate(handshakes="2/min") as gate:
            for data in (b"EHLO plain.example\r\n", b""):  # no TLS at all, and gone
                address = free_address()
                with Client(address) as client:
                    client.reply()
                    client.command("EHLO clear.example")
                    self.assertEqual(client.command("STARTTLS").code, 220)
                    if data:
                        client.send(data)
                        client.rest()
                self.assertEqual(gate.line(address)["reason"], "no-mail")
            with Client(free_address()) as client:
                client.reply()
                client.command("EHLO clear.example")
                self.assertEqual(client.command("STARTTLS").code, 454)
                self.assertEqual(client.command("NOOP").code, 250)
                client.command("QUIT")
            self.assertEqual(gate.metrics()['smtpgate_tls_handshakes_total{result="failed"}'], 2)
            self.assertEqual(gate.metrics()['smtpgate_tls_handshakes_total{result="refused"}'], 1)

    def test_a_terminator_that_died_is_started_again(self):
        with Sink(), self.gate() as gate:
            for _ in range(2):
                with Client(free_address()) as client:
                    self.start_tls(client)
                    self.assertEqual(self.greylisted(client).code, 451)
                    client.command("QUIT")
                old = pids_of("smtpgate-tls")
                self.assertTrue(old)
                os.kill(old[0], signal.SIGKILL)
                eventually(lambda: old[0] not in pids_of("smtpgate-tls"), 5, "its end")

    def test_clean_strangers_negotiate_with_the_server(self):
        with Sink() as sink, self.gate():
            with Client("11.199.2.2") as client:
                client.reply()
                self.assertEqual(client.command("EHLO c.example").lines, ["2.0.0 ok"])
                client.command("STARTTLS")
            self.assertTrue(any(b"STARTTLS" in session for session in sink.sessions))


class Telling(unittest.TestCase):
    def test_why_tells_the_story_of_a_delayed_message(self):
        with Sink(), doubtful_gate() as gate:
            address = free_address()
            defer(address)
            time.sleep(MIN + 0.2)
            told = gate.cli("why", address, check=None)
            self.assertIn("greylisted", told)
            self.assertIn("waiting", told)
            with Client(address) as client:
                self.assertEqual(up_to_rcpt(client).code, 250)
                client.command("QUIT")
            eventually(lambda: "let in after" in gate.cli("why", address, check=None), 5)
            told = gate.cli("why", address, check=None)
            self.assertIn("known sender", told)
            self.assertIn("2 tries", told)
            story = gate.cli_json("why", address, check=None)["greylist"]
            self.assertEqual({entry["kind"] for entry in story}, {"mail", "sender"})

    def test_list_flush_and_forget(self):
        with Sink(), doubtful_gate() as gate:
            address = free_address()
            defer(address)
            eventually(lambda: gate.cli_json("grey", "list"), 5, "a commit")
            self.assertIn("waiting", gate.cli("grey", "list"))
            self.assertIn("1 entries", gate.cli("grey", "flush"))
            self.assertEqual(gate.cli_json("grey", "list"), [])
            time.sleep(MIN + 0.2)
            defer(address)  # as if it came for the first time
            eventually(lambda: gate.cli_json("grey", "list"), 5, "a commit")
            gate.cli("forget", address)
            self.assertEqual(gate.cli_json("grey", "list"), [])


main()
