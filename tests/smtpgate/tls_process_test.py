#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The TLS terminator as a process: real clients by a control socket, reload, stop, and no rights."""
import os
import pwd
import signal
import socket
import ssl
import subprocess
import unittest
from pathlib import Path

from lab import Server, eventually, main, scratch

BINARY = Path(os.environ.get("HOLDFAST_BIN", "build/release/bin")).absolute() / "smtpgate-tls"
FACTS = 64  # bytes of what a handshake agreed on, in front of the plain text
P256 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


class Terminator(Server):
    """`smtpgate-tls` with a new certificate; the test is its gate."""

    def __init__(self, kind=P256, user="smtpgate"):
        # A sanitizer's search for leaks at the end would need calls that the sandbox forbids.
        super().__init__("smtpgate-tls", env={"ASAN_OPTIONS": "detect_leaks=0"})
        self.certificate, self.key = make_pair(self.folder, kind)
        self.control, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = self._theirs.fileno()
        self.pass_fds = (fd,)
        self.command = ["bash", "-c", f'exec "$@" 3<&{fd}' + (f" {fd}<&-" if fd != 3 else ""), "-",
                        BINARY, "--cert", self.certificate, "--key", self.key, "--user", user]

    def start(self):
        super().start()
        self._theirs.close()
        return self

    def hand_over(self, client: socket.socket) -> socket.socket:
        """Gives it the server's end of a client; returns the plain side."""
        ours, theirs = socket.socketpair()
        message = (1).to_bytes(4, "little") + b"0123456789abc".ljust(16, b"\0")
        socket.send_fds(self.control, [message], [client.fileno(), theirs.fileno()])
        client.close()
        theirs.close()
        ours.settimeout(10)
        return ours

    def connect(self) -> tuple[ssl.SSLSocket, socket.socket]:
        """An established session: the client's end and the plain side."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            raw = socket.create_connection(listener.getsockname(), 10)
            plain = self.hand_over(listener.accept()[0])
        context = ssl.create_default_context(cafile=self.certificate)
        client = context.wrap_socket(raw, server_hostname="mx.test")
        self.facts = read(plain, FACTS)
        return client, plain

    def descriptors(self) -> list[str]:
        return [os.readlink(link) for link in Path(f"/proc/{self.process.pid}/fd").iterdir()
                if int(link.name) > 2]


def make_pair(folder, kind=P256):
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", *kind, "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "30", "-subj", "/CN=mx.test", "-addext", "subjectAltName=DNS:mx.test"],
                   check=True, stderr=subprocess.DEVNULL)
    key.chmod(0o600)
    return certificate, key


def read(source, size) -> bytes:
    data = b""
    while len(data) < size and (more := source.recv(size - len(data))):
        data += more
    return data


def s_client(terminator, *options):
    """Runs `openssl s_client` through a whole STARTTLS; returns it and the plain side."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            ["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{port}",
             "-quiet", "-CAfile", terminator.certificate, "-verify_return_error", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        client = listener.accept()[0]
    client.sendall(b"220 mx.test ESMTP\r\n")
    assert client.recv(512).startswith(b"EHLO")
    client.sendall(b"250-mx.test\r\n250 STARTTLS\r\n")
    assert client.recv(512) == b"STARTTLS\r\n"
    client.sendall(b"220 2.0.0 Ready to start TLS\r\n")
    return process, terminator.hand_over(client)


class TlsProcess(unittest.TestCase):
    def test_openssl_s_client(self):
        rsa = ("-newkey", "rsa:2048")
        for kind, option, protocol in ((P256, "-tls1_2", b"TLSv1.2"), (P256, "-tls1_3", b"TLSv1.3"),
                                       (rsa, "-tls1_2", b"TLSv1.2"), (rsa, "-tls1_3", b"TLSv1.3")):
            with self.subTest(kind=kind, option=option), Terminator(kind) as terminator:
                process, plain = s_client(terminator, option)
                with process, plain:
                    facts = read(plain, FACTS)
                    self.assertEqual(facts[4:20].rstrip(b"\0"), protocol)
                    process.stdin.write(b"EHLO again\n")
                    process.stdin.flush()
                    self.assertEqual(read(plain, 11), b"EHLO again\n")
                    plain.sendall(b"221 2.0.0 Bye\r\n")
                    plain.close()
                    self.assertIn(b"221 2.0.0 Bye", process.communicate(timeout=10)[0])

    def test_tls_1_1_is_refused(self):
        with Terminator() as terminator:
            process, plain = s_client(terminator, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
            with process, plain:
                self.assertEqual(plain.recv(1), b"")
                process.communicate(timeout=10)
            eventually(lambda: "0123456789abc TLS handshake failed: unsupported protocol"
                       in terminator.log_text(), 5)

    def test_megabytes_both_ways(self):
        data = os.urandom(3_000_000)
        with Terminator() as terminator:
            client, plain = terminator.connect()
            with client, plain:
                for source, target in ((client, plain), (plain, client)):
                    pid = os.fork()
                    if pid == 0:
                        source.sendall(data)
                        os._exit(0)
                    self.assertEqual(read(target, len(data)), data)
                    self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_the_process_has_no_rights(self):
        with Terminator() as terminator:
            client, plain = terminator.connect()
            uid = str(pwd.getpwnam("smtpgate").pw_uid)
            children = Path(f"/proc/{terminator.process.pid}/task/{terminator.process.pid}/children")
            keeper = children.read_text().strip()
            status = status_of(terminator.process.pid)
            self.assertEqual(status["Uid"].split(), [uid] * 4)
            self.assertEqual(status["Gid"].split(), [uid] * 4)
            for which in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[which], 16), 0, which)
            for each in (status, status_of(keeper)):  # one child opens files, and no more
                self.assertEqual((each["NoNewPrivs"], each["Seccomp"]), ("1", "2"))
            for target in terminator.descriptors():
                self.assertRegex(target, "^(socket|anon_inode):")
            client.close()
            plain.close()

    def test_sessions_leave_nothing_open(self):
        with Terminator() as terminator:
            client, plain = terminator.connect()
            before = len(terminator.descriptors())
            for _ in range(20):
                for end in terminator.connect():
                    end.close()
            eventually(lambda: len(terminator.descriptors()) == before, 5)
            client.sendall(b"NOOP")
            self.assertEqual(read(plain, 4), b"NOOP")
            client.close()
            plain.close()

    def test_reload_takes_a_new_key_that_only_root_reads(self):
        with Terminator() as terminator:
            old = terminator.certificate.read_text()
            client, _ = terminator.connect()
            self.assertEqual(certificate_of(client), ssl.PEM_cert_to_DER_cert(old))
            make_pair(terminator.folder, ("-newkey", "rsa:2048"))
            terminator.process.send_signal(signal.SIGHUP)
            eventually(lambda: "cert.pem: RSA, 2048 bits" in terminator.log_text(), 5)
            new = terminator.certificate.read_text()
            client, _ = terminator.connect()
            self.assertEqual(certificate_of(client), ssl.PEM_cert_to_DER_cert(new))

            terminator.key.write_text("no key")
            terminator.process.send_signal(signal.SIGHUP)
            eventually(lambda: "keeping the old certificates: " in terminator.log_text(), 5)
            client, _ = terminator.connect()
            self.assertEqual(certificate_of(client), ssl.PEM_cert_to_DER_cert(new))

    def test_a_stop_lets_sessions_end(self):
        with Terminator() as terminator:
            client, plain = terminator.connect()
            terminator.process.send_signal(signal.SIGTERM)
            self.assertEqual(terminator.control.recv(1), b"")  # it has closed its end
            client.sendall(b"QUIT")
            self.assertEqual(read(plain, 4), b"QUIT")
            self.assertIsNone(terminator.process.poll())
            plain.sendall(b"221")
            self.assertEqual(read(client, 3), b"221")
            client.close()
            plain.close()
            self.assertEqual(terminator.process.wait(10), 0)

    def test_a_gate_that_is_gone_ends_it_with_its_helper(self):
        terminator = Terminator().start()
        client, plain = terminator.connect()
        pid = terminator.process.pid
        keeper = Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()
        terminator.control.close()
        client.close()
        plain.close()
        self.assertEqual(terminator.process.wait(10), 0)
        eventually(lambda: not Path("/proc", keeper).exists(), 5)

    def test_what_keeps_it_from_starting_is_told(self):
        absent = Terminator()
        absent.key.unlink()
        self.assertEqual(absent.start().process.wait(10), 1)
        self.assertIn("key.pem: No such file or directory", absent.log_text())
        unknown = Terminator(user="nobody-of-that-name").start()
        self.assertEqual(unknown.process.wait(10), 1)
        self.assertIn("useradd", unknown.log_text())
        certificate, key = make_pair(scratch())
        code, text = run("--cert", certificate, "--key", key)
        self.assertEqual(code, 1)
        self.assertIn("smtpgate starts this program", text)

    def test_check(self):
        folder = scratch() / "check"
        folder.mkdir()
        certificate, key = make_pair(folder)
        code, text = run("--check", "--cert", certificate, "--key", key)
        self.assertEqual(code, 0)
        self.assertRegex(text, r"cert\.pem: EC, 256 bits, valid until \d{4}-")
        other = folder / "other"
        other.mkdir()
        _, foreign = make_pair(other)
        for faulty, fault in ((foreign, "this key does not match"),
                              (folder / "none", "none: No such file or directory"),
                              (certificate, "holds no private key")):
            code, text = run("--check", "--cert", certificate, "--key", faulty)
            self.assertEqual(code, 1)
            self.assertIn(fault, text)
        certificate, key = make_pair(folder, ("-newkey", "rsa:1024"))
        code, text = run("--check", "--cert", certificate, "--key", key)
        self.assertEqual(code, 1)
        self.assertIn("weak key of 1024 bits", text)

    def test_wrong_usage(self):
        for arguments in ((), ("--cert", "a"), ("--cert", "a", "--key", "b", "--cert", "c")):
            code, text = run(*arguments)
            self.assertEqual(code, 2, arguments)
            self.assertRegex(text, "--(cert|key)")


def run(*arguments) -> tuple[int, str]:
    done = subprocess.run([BINARY, *map(str, arguments)], text=True, timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def certificate_of(client) -> bytes:
    with client:
        return client.getpeercert(binary_form=True)


def status_of(pid):
    return dict(line.split(":\t", 1) for line in
                Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


main()
