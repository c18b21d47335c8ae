"""Make an anyio worker process safe for users' code.

Raw, such a process answers on descriptor 1, where a ``print`` of a child process lands
too; it drops what is printed, and outlives its parent. `settle` mends that, once.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from asyncflow.worker import current, main, parent, pinned, stacks, touched
from asyncflow.worker.channel import Channel
from asyncflow.worker.loaded import Loaded
from asyncflow.worker.outcome import Printed, mark, read_slice
from asyncflow.worker.raw_stderr import RawStderr, path_of, write_all
from asyncflow.worker.records import Records, basic_config, naming_jobs, passing_on
from asyncflow.worker.sparse_file import BLOCK, punch_hole
from asyncflow.worker.spool import Spool
from asyncflow.worker.streams import (
    FULL,
    LOG_SIZE,
    PLACE,
    Stderr,
    Stdout,
    are_as_made,
    close_placeholders,
    flush_of_c,
    framed,
    text_writer,
)
from asyncflow.worker.tokens import Tokens
from asyncflow.worker.world import current_folder, return_to

if TYPE_CHECKING:
    from asyncflow.worker.log_state import LogState
    from asyncflow.worker.state import ProcessState


_getpid, _exit, _lseek, _CURRENT = os.getpid, os._exit, os.lseek, os.SEEK_CUR


settled: WorkerState | None = None
"""What this process is, where it is a worker."""


class WorkerState:
    """A worker process that keeps its output in a log file.

    :param folder: where its files are: the log, the spool, the tokens; and the channel
        to its parent
    :param parent_pid: the process id of the parent
    """

    pid: int
    log_path: str
    logged: int = 0
    """Where the log ends, as far as that is told."""
    spool: Spool
    tokens: Tokens
    channel: Channel
    state: ProcessState
    records: Records
    log_state: LogState
    loaded: Loaded
    answers_first: bool
    """Whether `put_rest_right` is called when an answer is sent."""
    left: str = ""
    """What a job has left that ends this process; see `ProcessState`. No other runs."""
    looks_closely: bool = False
    """Whether the next job is looked at closely, however short it is."""
    has_met_others: bool = False
    """Whether the last job has met what one before it had left."""
    _unseen: int = 0
    """How many jobs were not looked at closely since one was."""
    _calls: int = 0
    """How often what `touched` counts was called when that was looked at last."""
    is_fork: bool = False
    """Whether a job has made this process by a fork."""
    _lost: int = 0
    """How many bytes there was no room for, of what the last job printed."""
    _loss: str = ""
    """Why."""
    _is_loss_told: bool = False
    _is_half_right: bool = False
    """Whether there is a rest to be put right; see `put_rest_right`."""
    _log: int
    """For descriptor 1."""
    _raw: RawStderr
    _raw_end: int
    """For descriptor 2."""
    _cleared: int
    """Up to where the disk space of the log was given back."""
    _out: io.TextIOWrapper
    _err: io.TextIOWrapper

    def __init__(self, folder: str, parent_pid: int) -> None:
        self.pid = os.getpid()
        self._parent = parent_pid
        self._directory = current_folder()
        self._flush_c = flush_of_c()
        close_placeholders()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        self.records = Records(self._write_record, self._send_records)
        self._in = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115
        self._open_or_tell(folder)

    def move(self, folder: str) -> None:
        """Keep the files in another folder from now on: that of another parent."""
        os.close(self._log)
        os.close(self._end)
        os.close(self._raw_end)
        os.close(self._stack_end)
        self._raw.close()
        self.spool.close()
        self.tokens.close()
        self.channel.close()

        if self._life >= 0:
            os.close(self._life)

        self._open_or_tell(folder)

    def remember(self) -> None:
        """Take the state of this process for what jobs are to find."""
        self._directory = current_folder()
        self.state.remember()

    def begin_trip(self, trip: int) -> None:
        """Get ready for calls.

        :param trip: its number; 0 for one that needs no spool
        """
        if trip:
            self.spool.begin(trip)

        self._unseen = 0
        self.channel.has_sent = False

        if self._raw.has_grown():
            self._fold()

        self.logged = os.lseek(self._end, 0, os.SEEK_END)

        if self.logged - self._cleared > LOG_SIZE or self._is_loss_told:
            self._clear_log()  # its parent has what it wanted of it

    def end_job(self, max_bytes: int, *, is_long: bool) -> Printed | None:
        """Put the process in order after a job.

        :param max_bytes: how many bytes are kept of what it printed
        :param is_long: whether it took so long that a closer look costs next to nothing
        :return: what it printed
        """
        if self.is_fork or (is_long and _getpid() != self.pid):
            _exit(0)  # a fork that the job let go on: it must not answer

        if not is_long and self._has_left_nothing():
            self._unseen += 1
            return None

        self._calls = touched.calls
        if is_long:
            self.channel.has_sent = True  # its children may have done so

        if is_long or not self.state.is_clean():
            self.left = self.state.put_right()
            self.looks_closely = self.state.has_mended
            self.has_met_others = self._unseen > 0 and (
                self.state.has_mended or bool(self.left)
            )
            self._unseen = 0
        else:
            self._unseen += 1

        is_silent = False

        try:
            sys.stdout.flush()
            sys.stderr.flush()
            self._flush_c(None)
            is_silent = _lseek(1, 0, os.SEEK_CUR) == PLACE == _lseek(2, 0, os.SEEK_CUR)
            is_whole = (
                (sys.stdout is self._out and sys.stderr is self._err)
                and are_as_made(self._out, self._err)
                and (is_silent or self._is_ours())
            )
        except (OSError, ValueError, AttributeError):
            is_whole = False  # the job closed or replaced its standard streams

        has_printed = not is_silent or (is_long and self._raw.has_grown())

        if has_printed:
            self._fold()

        if not is_whole:
            self._point_output()

        return_to(self._directory)
        lost = self._lost

        if not has_printed and is_whole and not lost and not self.records.waiting:
            return None

        end = os.lseek(self._end, 0, os.SEEK_END)

        if end == self.logged and not lost and not self.records.waiting:
            return None

        start, self.logged = self.logged, end
        printed = read_slice(self._log, start, end, max_bytes)

        if lost:
            printed = self._without_lost(printed)
        elif printed is not None:
            self._is_loss_told = False

        if self.records.waiting:
            printed = printed or Printed("", 0, 0)
            printed = printed._replace(records=self.records.take())

        return printed

    def _has_left_nothing(self) -> bool:
        """Tell whether a short job has printed nothing, and left what it found."""
        if touched.calls != self._calls or not self.state.looks_clean():
            return False

        is_ours = sys.stdout is self._out and sys.stderr is self._err
        try:
            self._out.flush()
            self._err.flush()
            self._flush_c(None)
            is_silent = _lseek(1, 0, _CURRENT) == PLACE == _lseek(2, 0, _CURRENT)
        except (OSError, ValueError):
            return False  # the job has closed its standard streams

        return is_ours and is_silent and not (self._lost or self.records.waiting)

    def runs_anew(self, job_id: str, logged: int, printed: Printed | None) -> None:
        """Have what a job printed be that of the next one: it is the same job.

        :param logged: where the log ended before it
        :param printed: what it printed
        """
        self.logged = logged
        self.records.warn(
            f"{job_id} failed where one before it had changed its process, and runs anew"
        )

        if printed is not None:
            self.records.waiting[:0] = printed.records

    def end_trip(self) -> None:
        """Look what the last calls have left, and put right what cannot wait."""
        if self._unseen:
            self.left = self.left or self.state.put_vital_right()
            self._is_half_right = True

    def put_rest_right(self) -> None:
        """Put right what only the next job would meet: its parent has the answer."""
        if self._is_half_right:
            return_to(self._directory)

            if not are_as_made(self._out, self._err):
                self._point_output()

            self.left = self.left or self.state.put_others_right()
            self.looks_closely = self.looks_closely or self.state.has_mended
            self._is_half_right = False

    def tell_stacks(self) -> None:
        """Have it be told where Python is when a signal ends the process, or asks."""
        stacks.tell(self._raw_end, self._stack_end)

    def write_stderr(self, data: bytes | memoryview) -> bool:
        """Write what Python prints to stderr into the log, in its order.

        :return: False where a job has pointed descriptor 2 elsewhere: it goes there
        """
        try:
            place = _lseek(2, 0, os.SEEK_CUR)
        except OSError:
            return False

        if place != PLACE:
            if place != _lseek(self._raw_end, 0, os.SEEK_CUR):
                return False

            self.fold_before()

        try:
            write_all(self._log, framed(bytes(data), "stderr"))
        except OSError as error:
            if error.errno not in FULL:
                raise

            self.lose(len(data), error)

        return True

    def lose(self, size: int, error: OSError) -> None:
        """Note that there is no room for what a job prints.

        :param size: how many bytes
        """
        self._lost += size
        self._loss = error.strerror or str(error)

    def _without_lost(self, printed: Printed | None) -> Printed:
        """Have what a job printed say that there is more of it; tell it once."""
        if not self._is_loss_told:
            folder = os.path.dirname(self.log_path)
            remedy = (
                f"free some space in {folder}, or set TMPDIR to where there is some"
            )
            self.records.warn(
                f"what jobs print is lost for now: {self._loss}: {remedy}"
            )
            self._is_loss_told = True

        lost, self._lost = self._lost, 0
        text, left_out, size, _ = printed or Printed("", 0, 0)
        begin = "\n" if text and not text.endswith("\n") else ""
        return Printed(f"{text}{begin}{mark(lost)}\n", left_out + lost, size)

    def fold_before(self) -> None:
        """Bring what was written to descriptor 2 into the log, before Python prints."""
        if _getpid() == self.pid:
            self._fold(waits=False)

    def _write_record(self, line: bytes) -> None:
        self.fold_before()
        write_all(self._log, framed(line, "log"))

    def _send_records(self, job_id: str, records: list[bytes]) -> bool:
        return self.channel.send_records(job_id, records)

    def _fold(self, *, waits: bool = True) -> None:
        with contextlib.suppress(OSError):  # a full disk, a limit of the job's
            os.lseek(self._raw_end, PLACE, os.SEEK_SET)
            self._raw.fold(waits=waits)

    def _clear_log(self) -> None:
        """Give back the disk space of the log: places in it stay what they are."""
        self._raw.clear()

        if punch_hole(self._log, self._cleared, self.logged):
            self._cleared = self.logged // BLOCK * BLOCK
        else:
            os.ftruncate(self._log, 0)
            self.logged = 0

    def _open_or_tell(self, folder: str) -> None:
        try:
            self._open(folder)
        except OSError as error:
            if error.errno not in FULL:
                raise

            remedy = "have some room there, or set TMPDIR to where there is some"
            why = f"{error.strerror}: {remedy}"
            raise OSError(error.errno, why, folder) from None

    def _open(self, folder: str) -> None:
        name = os.path.join(folder, str(self.pid))
        self.log_path = f"{name}.log"
        self._cleared = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._log = os.open(self.log_path, flags, 0o600)
        self._end = os.open(self.log_path, os.O_RDONLY | os.O_CLOEXEC)
        raw_path = path_of(self.log_path)
        self._raw = RawStderr(raw_path, self._log)
        self._raw_end = os.open(raw_path, flags)
        self._stack_end = os.open(stacks.path_of(self.log_path), flags)
        self.spool = Spool(f"{name}.spool")
        self.tokens = Tokens.make(f"{name}.tokens")
        self.channel = Channel(folder)
        self._life = parent.die_with(self._parent, folder)
        self._point_output()
        self.tell_stacks()

    def _is_ours(self) -> bool:
        """Tell whether the output goes where it did; its places are put right."""
        os.lseek(self._log, PLACE, os.SEEK_SET)
        os.lseek(self._raw_end, PLACE, os.SEEK_SET)
        return os.lseek(1, 0, os.SEEK_CUR) == PLACE == os.lseek(2, 0, os.SEEK_CUR)

    def has_input(self) -> bool:
        """Tell whether somebody has given the job another standard input."""
        return sys.stdin is not self._in

    def _point_output(self) -> None:
        """Point descriptors 1 and 2, and Python's streams, at the log."""
        os.lseek(self._log, PLACE, os.SEEK_SET)
        os.lseek(self._raw_end, PLACE, os.SEEK_SET)
        os.dup2(self._log, 1)
        os.dup2(self._raw_end, 2)
        self._out = text_writer(Stdout(self))
        self._err = text_writer(Stderr(self))
        sys.stdin = sys.__stdin__ = self._in  # type: ignore[misc]  # it is Final
        sys.stdout = sys.__stdout__ = self._out  # type: ignore[misc]  # it is Final
        sys.stderr = sys.__stderr__ = self._err  # type: ignore[misc]  # it is Final


def settle(
    folder: str,
    main_path: str | None,
    parent_pid: int,
    *,
    is_moved: bool,
) -> WorkerState:
    """Make this process a worker; a second call only moves its files.

    :param folder: where its files are made
    :param main_path: the parent's main script, or None where it has none
    :param parent_pid: the process id of the parent
    :param is_moved: whether anyio's protocol is off the standard streams already
    """
    global settled

    from asyncflow.worker import terminal
    from asyncflow.worker.state import ProcessState

    if settled is None:
        if not is_moved:
            _move_protocol()

        with contextlib.suppress(OSError):  # it leads one already
            os.setsid()  # away from the terminal too: who asks there is told at once

        current.is_worker = True
        settled = WorkerState(folder, parent_pid)
        main.install(main_path, os.path.join(folder, f"{settled.pid}.main"))
        terminal.take_interrupts()
        stacks.forget_in_forks()  # else they would print them into a job's output
        os.register_at_fork(after_in_child=partial(setattr, settled, "is_fork", True))
        touched.watch()
        settled.log_state = _pass_records_on(settled.records)
        settled.loaded = Loaded(is_new=is_moved)
        settled.answers_first = is_moved
        pinned.here.install()
        terminal.refuse_questions(settled.has_input)
        settled.state = ProcessState(settled.tell_stacks, settled.log_state)
        gc.freeze()  # what is imported by now stays: no need to look at it again
    else:
        settled.move(folder)
        settled.state = ProcessState(
            settled.tell_stacks, settled.log_state, settled.state.pipes
        )

    return settled


def _move_protocol() -> None:
    """Move anyio's protocol off descriptors 0 and 1.

    anyio's loop holds these very stream objects, so they are opened anew on copies of
    their descriptors, which no child process inherits.
    """
    assert sys.__stdin__ is not None
    assert sys.__stdout__ is not None
    reader, writer = os.dup(0), os.dup(1)
    _raw(sys.__stdin__).__init__(reader, "rb")  # type: ignore[misc]  # open it anew
    _raw(sys.__stdout__).__init__(writer, "wb")  # type: ignore[misc]  # the same


def _raw(stream: TextIO) -> object:
    """Return the unbuffered layer of a standard stream (``-u`` leaves no other)."""
    return getattr(stream.buffer, "raw", stream.buffer)


def _pass_records_on(records: Records) -> LogState:
    """Have log records go to the parent; name the job in each."""
    from asyncflow.worker.log_state import LogState

    logging.root.handlers[:] = [records]
    logging.lastResort = records
    logging.basicConfig = basic_config(records)
    call = logging.Logger.callHandlers
    logging.Logger.callHandlers = passing_on(records, call)  # type: ignore[assignment]  # `logging` has no seam for it
    logging.setLogRecordFactory(naming_jobs(logging.getLogRecordFactory()))
    return LogState(records)
