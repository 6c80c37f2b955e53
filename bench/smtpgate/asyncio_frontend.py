#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The frontend that a capable administrator writes in an afternoon, as a contender in the bench:
greet delay, one DNS list, a dictionary of who came before, and a relay with a PROXY line.

Plain asyncio, done fairly: one process, one shared DNS socket, no work that is not needed.
"""
import argparse
import asyncio
import ipaddress
import random
import socket
import struct
import time


class DnsList(asyncio.DatagramProtocol):
    """Asks one zone about addresses by plain UDP; no answer within a second is "not listed"."""

    def __init__(self, zone):
        self._suffix = b"".join(bytes([len(p)]) + p.encode() for p in zone.split(".")) + b"\0"
        self._pending = {}

    def connection_made(self, transport):
        self._transport = transport

    async def is_listed(self, ip):
        query_id = random.getrandbits(16)
        while query_id in self._pending:
            query_id = random.getrandbits(16)
        name = b"".join(bytes([len(p)]) + p.encode() for p in reversed(ip.split(".")))
        answer = asyncio.get_running_loop().create_future()
        self._pending[query_id] = answer
        self._transport.sendto(struct.pack(">HHHHHH", query_id, 0x100, 1, 0, 0, 0) + name +
                               self._suffix + b"\0\1\0\1")
        try:
            return await asyncio.wait_for(answer, 1)
        except asyncio.TimeoutError:
            return False
        finally:
            del self._pending[query_id]

    def datagram_received(self, data, _):
        query_id, flags, _, answers = struct.unpack(">HHHH", data[:8])
        answer = self._pending.get(query_id)
        if answer and not answer.done():
            answer.set_result(flags & 15 == 0 and answers > 0)


class Frontend:
    def __init__(self, options, dns_list, log):
        self.options, self.dns_list, self.log = options, dns_list, log
        self.history = {}  # packed address: [first seen, last seen, connections, passed]

    async def on_client(self, reader, writer):
        ip, port = writer.get_extra_info("peername")[:2]
        now = int(time.time())
        record = self.history.setdefault(ipaddress.ip_address(ip).packed, [now, now, 0, False])
        record[1] = now
        record[2] += 1
        verdict = "known"
        try:
            if not record[3]:
                verdict = await self.examine(reader, ip)
                record[3] = verdict == "passed"
            if verdict in ("known", "passed"):
                await self.relay(reader, writer, ip, port)
            elif verdict != "left":
                writer.write(b"554 5.7.1 Refused: " + verdict.encode() + b"\r\n")
                await writer.drain()
        except OSError:
            verdict += ",reset"
        finally:
            writer.close()
        print(f"{now} client={ip}:{port} verdict={verdict}", file=self.log)

    async def examine(self, reader, ip):
        listed = asyncio.create_task(self.dns_list.is_listed(ip))
        try:
            early = await asyncio.wait_for(reader.read(1), self.options.wait)
        except asyncio.TimeoutError:
            return "listed" if await listed else "passed"
        await listed
        return "pregreet" if early else "left"

    async def relay(self, reader, writer, ip, port):
        host, _, backend_port = self.options.backend.rpartition(":")
        backend_reader, backend_writer = await asyncio.open_connection(host, int(backend_port))
        own_ip, own_port = writer.get_extra_info("sockname")[:2]
        backend_writer.write(f"PROXY TCP4 {ip} {own_ip} {port} {own_port}\r\n".encode())
        await asyncio.gather(copy(reader, backend_writer), copy(backend_reader, writer))


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def serve(options):
    host, _, port = options.dns.rpartition(":")
    _, dns_list = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: DnsList(options.zone), remote_addr=(host, int(port)), family=socket.AF_INET)
    with open(options.log, "a", buffering=1) as log:
        host, _, port = options.listen.rpartition(":")
        server = await asyncio.start_server(Frontend(options, dns_list, log).on_client, host,
                                            int(port), backlog=4096)
        async with server:
            await server.serve_forever()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--listen", required=True, help="ADDRESS:PORT of the guarded port")
parser.add_argument("--backend", required=True, help="ADDRESS:PORT of a server that takes PROXY")
parser.add_argument("--dns", required=True, help="ADDRESS:PORT of the DNS server to ask")
parser.add_argument("--zone", required=True, help="the block list's zone")
parser.add_argument("--wait", type=float, default=2, help="greet delay in seconds")
parser.add_argument("--log", default="/dev/stderr")
asyncio.run(serve(parser.parse_args()))
