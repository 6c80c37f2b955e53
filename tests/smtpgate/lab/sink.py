# SPDX-License-Identifier: Apache-2.0
"""A mail server of a few lines that records the bytes it was sent: a backend to look into."""
import socket
import threading


class Sink:
    """Greets with `greeting`, answers each line by `answers` (verb to reply), takes DATA."""

    HANG_UP = b"\0"  # an answer, or a greeting: close without a word

    def __init__(self, port=2525, greeting=b"220 mx.test ESMTP sink\r\n", answers=None, path=None):
        self.greeting, self.answers = greeting, answers or {}
        self.sessions: list[bytearray] = []  # what each connection sent, in order of arrival
        self.live: list[socket.socket] = []
        if path:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
        else:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", port))
        self._listener.listen(128)

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.live:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            record = bytearray()
            self.sessions.append(record)
            self.live.append(connection)
            threading.Thread(target=self._serve, args=(connection, record), daemon=True).start()

    def _serve(self, connection, record):
        in_data, line = False, b""
        try:
            if self.greeting == self.HANG_UP:
                return
            if self.greeting:
                connection.sendall(self.greeting)
            while chunk := connection.recv(65536):
                record += chunk
                for piece in chunk.splitlines(keepends=True):
                    line += piece
                    if not line.endswith(b"\n"):
                        continue
                    if in_data:
                        in_data = line != b".\r\n"
                        reply = b"" if in_data else b"250 2.0.0 taken\r\n"
                    else:
                        verb = line.strip().upper().split(b" ")[0]
                        in_data = verb == b"DATA"
                        reply = self.answers.get(verb.decode("latin-1")) or (
                            b"354 go\r\n" if in_data else
                            b"221 2.0.0 bye\r\n" if verb == b"QUIT" else
                            b"" if verb == b"PROXY" else b"250 2.0.0 ok\r\n")
                    line = b""
                    if reply == self.HANG_UP:
                        return
                    connection.sendall(reply)
                    if reply.startswith(b"221"):
                        connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client left
        finally:
            connection.close()
