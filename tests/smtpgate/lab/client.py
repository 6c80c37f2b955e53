# SPDX-License-Identifier: Apache-2.0
"""An SMTP client that does as it is told, right or wrong, from any address."""
import socket
import struct
from dataclasses import dataclass

SERVER = "11.255.0.25"  # where the gate is reached in tests
SERVER6 = "2a0f:ffff:ffff::25"


@dataclass
class Reply:
    """One SMTP reply. Reading it checks RFC 5321 §4.2: one code, right separators, CRLF, length."""
    code: int
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Client:
    """`first` is sent at once, before any greeting."""

    def __init__(self, source="11.0.0.1", first=b"", to=None, port=25, timeout=12):
        v6 = ":" in source
        self.socket = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
        self.socket.settimeout(timeout)
        self.socket.bind((source, 0))
        self.socket.connect((to or (SERVER6 if v6 else SERVER), port))
        self.port = self.socket.getsockname()[1]
        self._unread = b""
        if first:
            self.send(first)

    def send(self, data: bytes):
        self.socket.sendall(data)
        return self

    def line(self) -> bytes:
        """The next line with its end; what there is of it when the server has closed."""
        while b"\n" not in self._unread:
            more = self.socket.recv(65536)
            if not more:
                break
            self._unread += more
        end = self._unread.find(b"\n") + 1 or len(self._unread)
        line, self._unread = self._unread[:end], self._unread[end:]
        return line

    def reply(self) -> Reply | None:
        """The next reply; None when the server has closed."""
        lines, code = [], None
        while True:
            line = self.line()
            if not line and code is None:
                return None
            assert line.endswith(b"\r\n"), f"reply line without CRLF: {line!r}"
            assert len(line) <= 512, f"reply line of {len(line)} octets"
            assert line[:3].isdigit() and line[3:4] in (b" ", b"-", b"\r"), f"no reply: {line!r}"
            assert code in (None, int(line[:3])), f"code changes within a reply: {line!r}"
            code = int(line[:3])
            lines.append(line[4:-2].decode("utf-8"))
            if line[3:4] != b"-":
                return Reply(code, lines)

    def command(self, text: str) -> Reply | None:
        return self.send(text.encode() + b"\r\n").reply()

    def deliver(self, message: bytes, sender="a@example.com", to="b@example.net") -> Reply:
        """A whole transaction after the greeting; `message` has CRLF lines and no lone dots."""
        for command, code in (("EHLO client.example", 250), (f"MAIL FROM:<{sender}>", 250),
                              (f"RCPT TO:<{to}>", 250), ("DATA", 354)):
            reply = self.command(command)
            assert reply and reply.code == code, f"{command}: {reply}"
        reply = self.send(message + b".\r\n").reply()
        assert reply.code == 250, reply
        assert self.command("QUIT").code == 221
        return reply

    def rest(self) -> bytes:
        """Everything up to the server's close; a reset counts as a close."""
        data = self._unread
        self._unread = b""
        try:
            while more := self.socket.recv(65536):
                data += more
        except ConnectionResetError:
            pass
        return data

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        """Leaves by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
