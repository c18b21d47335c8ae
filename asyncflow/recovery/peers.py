"""How the orchestrators of one host speak to each other, so that none has to poll.

Each listens on a socket of its own. Who watches a run of another one connects, and has
an answer when the run has ended; if the owner dies, the connection breaks at once.

A request is one line of JSON: ``{"watch": SUBMISSION_ID, "since": NUMBER}``, ``{"wait":
SUBMISSION_ID}``, ``{"cancel": SUBMISSION_ID, "reason": TEXT}``, ``{"pause":
SUBMISSION_ID, "is_paused": BOOLEAN}``, ``{"retry": SUBMISSION_ID}``, or ``{"hello":
ORCHESTRATOR_ID}``. The answer is one line; that to "watch" is many, of which the last is
that of the others; that to "retry" is JSON. Whatever else is asked, the connection is
closed.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypeAlias

from anyio import (
    BrokenResourceError,
    CancelScope,
    ClosedResourceError,
    DelimiterNotFound,
    EndOfStream,
    IncompleteRead,
    connect_unix,
    create_task_group,
    create_unix_listener,
    fail_after,
    sleep,
)
from anyio.abc import ByteStream, Listener, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream

from asyncflow.background import temporary_folder, unwrap_single
from asyncflow.errors import AsyncflowError, NotDeclared
from asyncflow.log import logger as _logger
from asyncflow.worker.channel import short

PAUSE = 1.0
"""How long to wait before others are let in again, in seconds."""

PATIENCE = 30.0
"""How long to wait for one who watches and does not read, in seconds."""

LINE = 33_554_432
"""The most bytes of a line of what happens."""

_REQUEST = 65536
"""The most bytes of a request."""

_DONE = b"done\n"
_GONE = (
    OSError,
    BrokenResourceError,
    ClosedResourceError,
    DelimiterNotFound,
    EndOfStream,
    IncompleteRead,
)


Send: TypeAlias = Callable[[bytes], Awaitable[None]]
"""Sends a line to another orchestrator."""


class PeerGone(Exception):
    """The other orchestrator cannot be reached, or has gone while it was asked."""


class Refused(Exception):
    """The other orchestrator does not do what it was asked; it says why.

    :param is_declared: whether it knows what that is about
    """

    def __init__(self, why: str, *, is_declared: bool) -> None:
        super().__init__(why)
        self.is_declared = is_declared


class PeerListener(Protocol):
    """Hears what other orchestrators ask for."""

    async def greeted(self, orchestrator_id: str) -> None:
        """Take note that another orchestrator is there."""

    async def wait_for_peer(self, submission_id: str) -> None:
        """Return when a run has ended and all of it is durable; at once where there is
        none with this id. Cancelled when the asker goes.
        """

    async def tell_peer(self, submission_id: str, since: int, send: Send) -> None:
        """Do the same, and send what happens until then, as lines.

        :param since: the number of the first change that is sent
        """

    def cancel_for_peer(self, submission_id: str, reason: str) -> None:
        """Ask for the end of a run."""

    async def pause_for_peer(self, submission_id: str, *, is_paused: bool) -> None:
        """Pause a run, or have it go on; return when that is durable."""

    async def retry_for_peer(self, submission_id: str) -> str:
        """Run again what is left of a run; return the id of the new one, once that is
        durable.

        :raises AsyncflowError: where it cannot be run here, or nothing is left of it
        """

    async def tell_output(self, job_id: str, send: Send) -> None:
        """Send what a job prints, line by line as JSON, until it has ended."""


class Peers:
    """Answers other orchestrators."""

    def __init__(self, listener: PeerListener) -> None:
        self.listener = listener
        self.address: str = ""
        """The path of the socket."""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            folder = await temporary_folder(stack, "peers")
            self.address = os.path.join(folder, "socket")

            with short(self.address) as path:
                listener = await create_unix_listener(path, mode=0o600)

            await stack.enter_async_context(listener)
            group = await stack.enter_async_context(create_task_group())
            stack.callback(group.cancel_scope.cancel)
            group.start_soon(self._serve, listener)
            self._stack = stack.pop_all()

        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _serve(self, listener: Listener[ByteStream]) -> None:
        """Answer all who come. Where nobody can be let in, as there is no descriptor
        left, the next may be.
        """
        while True:
            try:
                await listener.serve(self._answer)
            except ClosedResourceError:
                return
            except Exception as error:
                problem = "other orchestrators could not be answered"
                _logger.error(problem, exc_info=error)

            await sleep(PAUSE)

    async def _answer(self, stream: ByteStream) -> None:
        """Answer a stranger: nothing that it does, and no error of ours, ends more than
        this answer.
        """
        try:
            async with stream:
                await self._answer_request(stream)
        except* (*_GONE, ValueError, RecursionError):
            pass
        except* Exception as group:
            problem = "another orchestrator could not be answered"
            _logger.error(problem, exc_info=unwrap_single(group))

    async def _answer_request(self, stream: ByteStream) -> None:
        receive = BufferedByteReceiveStream(stream).receive_until
        request = json.loads(await receive(b"\n", _REQUEST))

        match request:
            case {"watch": str(submission_id), "since": int(since)}:
                send = partial(_send, stream)
                watch = partial(self.listener.tell_peer, submission_id, since, send)
                await self._answer_at_end(stream, watch)
            case {"wait": str(submission_id)}:
                wait = partial(self.listener.wait_for_peer, submission_id)
                await self._answer_at_end(stream, wait)
            case {"follow": str(job_id)}:
                send = partial(_send, stream)
                tell = partial(self.listener.tell_output, job_id, send)
                await self._answer_at_end(stream, tell)
            case {"cancel": str(submission_id), "reason": str(reason)}:
                self.listener.cancel_for_peer(submission_id, reason)
                await stream.send(_DONE)
            case {"pause": str(submission_id), "is_paused": bool(is_paused)}:
                pause = self.listener.pause_for_peer
                await pause(submission_id, is_paused=is_paused)
                await stream.send(_DONE)
            case {"retry": str(submission_id)}:
                await stream.send(await self._retried(submission_id))
            case {"hello": str(orchestrator_id)}:
                await self.listener.greeted(orchestrator_id)
                await stream.send(_DONE)

    async def _retried(self, submission_id: str) -> bytes:
        answer: dict[str, object]

        try:
            answer = {"id": await self.listener.retry_for_peer(submission_id)}
        except AsyncflowError as error:
            is_declared = not isinstance(error, NotDeclared)
            answer = {"refused": str(error), "is_declared": is_declared}

        return json.dumps(answer).encode() + b"\n"

    async def _answer_at_end(
        self, stream: ByteStream, until_end: Callable[[], Awaitable[None]]
    ) -> None:
        """Answer when a run has ended; stop waiting when the asker goes."""
        async with create_task_group() as group:

            async def watch() -> None:
                try:
                    # Its cancel would be an error of the event loop, where the asker
                    # goes at that moment. The end of the reading is its end.
                    with CancelScope(shield=True):
                        await stream.receive()
                except _GONE:
                    group.cancel_scope.cancel()

            group.start_soon(watch)

            try:
                await until_end()
                await stream.send(_DONE)
            finally:
                with suppress(OSError):  # the asker has gone
                    raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610
                    raw.shutdown(socket.SHUT_RD)


async def _send(stream: ByteStream, line: bytes) -> None:
    """Send a line; who does not read for long is let go.

    :raises TimeoutError: where that is so
    """
    with fail_after(PATIENCE):
        await stream.send(line)


async def watch(
    address: str, submission_id: str, since: int, take: Callable[[bytes], object]
) -> None:
    """Take what an orchestrator tells of a run of its, until that has ended.

    :param since: the number of the first change that is not known yet
    :param take: takes each line; what it raises is raised
    :raises PeerGone: where it cannot be reached, dies, or does not know the request
    """
    request = {"watch": submission_id, "since": since}

    try:
        async with await _connect(address) as stream:
            await stream.send(json.dumps(request).encode() + b"\n")
            receive = BufferedByteReceiveStream(stream).receive_until

            while (line := await receive(b"\n", LINE)) != _DONE.strip():
                take(line)
    except _GONE as error:
        raise PeerGone(address) from error


async def follow(address: str, job_id: str) -> AsyncIterator[bytes]:
    """Give what an orchestrator tells of the output of a job of its, until that ends.

    :raises PeerGone: where it cannot be reached, dies, or does not know the request
    """
    try:
        async with await _connect(address) as stream:
            await stream.send(json.dumps({"follow": job_id}).encode() + b"\n")
            receive = BufferedByteReceiveStream(stream).receive_until

            while (line := await receive(b"\n", LINE)) != _DONE.strip():
                yield line
    except _GONE as error:
        raise PeerGone(address) from error


async def wait(address: str, submission_id: str) -> None:
    """Wait until an orchestrator says that a run of its has ended.

    :raises PeerGone: where it cannot be reached, or dies
    """
    await _ask(address, {"wait": submission_id})


async def cancel(address: str, submission_id: str, reason: str) -> None:
    """Ask an orchestrator to end a run; return when it has heard.

    :raises PeerGone: where it cannot be reached, or dies
    """
    await _ask(address, {"cancel": submission_id, "reason": reason})


async def pause(address: str, submission_id: str, *, is_paused: bool) -> None:
    """Ask an orchestrator to pause a run, or to go on; return when that is durable.

    :raises PeerGone: where it cannot be reached, dies, or does not know the request
    """
    await _ask(address, {"pause": submission_id, "is_paused": is_paused})


async def retry(address: str, submission_id: str) -> str:
    """Ask an orchestrator to run again what is left of a run; return the id of the new one.

    On cancel it may be run all the same.

    :raises PeerGone: where it cannot be reached, dies, or does not know the request
    :raises Refused: where it does not do it
    """
    try:
        async with await _connect(address) as stream:
            await stream.send(json.dumps({"retry": submission_id}).encode() + b"\n")
            receive = BufferedByteReceiveStream(stream).receive_until
            answer = json.loads(await receive(b"\n", LINE))
    except _GONE as error:
        raise PeerGone(address) from error

    match answer:
        case {"id": str(again)}:
            return again
        case _:
            raise Refused(answer["refused"], is_declared=answer["is_declared"])


async def greet(address: str, own_id: str) -> None:
    """Tell an orchestrator that another one is there; return when it has heard.

    :raises PeerGone: where it cannot be reached, or dies
    """
    await _ask(address, {"hello": own_id})


async def _connect(address: str) -> ByteStream:
    try:
        with short(address) as path:
            return await connect_unix(path)
    except ValueError as error:  # no address
        raise PeerGone(address) from error


async def _ask(address: str, request: object) -> None:
    try:
        async with await _connect(address) as stream:
            await stream.send(json.dumps(request).encode() + b"\n")
            await BufferedByteReceiveStream(stream).receive_exactly(len(_DONE))
    except _GONE as error:
        raise PeerGone(address) from error
