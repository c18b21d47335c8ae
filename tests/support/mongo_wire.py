"""A server that speaks as much of MongoDB's protocol as to refuse who asks it something."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import bson

HEAD = struct.Struct("<iiii")
MESSAGE, REPLY, QUERY = 2013, 1, 2004
HELLO = {
    "ismaster": True,
    "helloOk": True,
    "maxBsonObjectSize": 2**24,
    "maxMessageSizeBytes": 2**25,
    "maxWriteBatchSize": 1000,
    "minWireVersion": 0,
    "maxWireVersion": 21,
    "ok": 1,
}


class Refusal(socketserver.StreamRequestHandler):
    """Greets whoever connects, and refuses all else."""

    answer: ClassVar[dict[str, Any]]

    def handle(self) -> None:
        while len(head := self.rfile.read(HEAD.size)) == HEAD.size:
            size, number, _, kind = HEAD.unpack(head)
            body = self.rfile.read(size - HEAD.size)
            is_hello = kind == QUERY or b"hello" in body[:64] or b"ismaster" in body
            told = bson.encode(HELLO if is_hello else self.answer)

            if kind == QUERY:
                kind, told = REPLY, struct.pack("<iqii", 8, 0, 0, 1) + told
            else:
                kind, told = MESSAGE, b"\0\0\0\0\0" + told

            size = HEAD.size + len(told)
            self.wfile.write(HEAD.pack(size, 0, number, kind) + told)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False


@contextmanager
def refusing(code: int, why: str) -> Iterator[int]:
    """Serve on a port."""
    answer = {"ok": 0, "code": code, "errmsg": why}
    kind = type("Handler", (Refusal,), {"answer": answer})

    with Server(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
