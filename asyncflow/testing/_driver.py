"""The contract of drivers, as a check that any of them can be put to."""

from __future__ import annotations

import os
import pickle
import resource
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from zipfile import ZipFile, is_zipfile

from asyncflow import ids
from asyncflow.abc import Driver, StoredValue
from asyncflow.testing._driver_kills import kill_writes
from asyncflow.worker.intent import STAGED
from asyncflow.worker.values import temporary_name

Make = Callable[[str], Driver]
Same = Callable[[object, object], bool]
There = Callable[[Driver], Iterable[str]]


def equal(left: object, right: object) -> bool:
    """Tell whether two values are equal; frames and arrays are asked by what they have."""
    equals = getattr(left, "equals", None)

    if callable(equals):
        return bool(equals(right))

    same = left == right
    return bool(same.all()) if hasattr(same, "all") else bool(same)


def driver_contract(
    make: Make,
    values: Sequence[object],
    *,
    same: Same = equal,
    unkeepable: object = None,
    there: There | None = None,
    kills: int = 0,
) -> None:
    """Put a driver to the promises of `asyncflow.abc.Driver`.

    Each check has a folder of its own, which is gone afterwards. For a moment, this
    process may not write to files: that is what a full disk is like.

    :param make: makes the driver, given the folder that it may use; where values are
        elsewhere, each one that it makes has a place of its own
    :param values: two values or more, different from each other, that it can keep
    :param same: tells whether what was read is what was written
    :param unkeepable: a value that it refuses; None for none
    :param there: lists all that is on the server of a driver, by names; None for none
    :param kills: how many programs are killed that write, each at another point; and as
        many that append, where it can
    :raises AssertionError: where it breaks a promise, naming that
    """
    checks = (
        *(_keeps, _stages, _is_clean, _discards, _is_finished, _tells),
        *(_appends, _uploads, _has_no_room),
    )

    for check in checks:
        with tempfile.TemporaryDirectory(prefix="asyncflow-contract-") as folder:
            made: Driver = pickle.loads(pickle.dumps(make(folder)))
            made.locate()
            check(made, folder, values, same)
            _check_server(made, there)

    if kills:
        with tempfile.TemporaryDirectory(prefix="asyncflow-contract-") as folder:
            made = make(folder)

            for _ in kill_writes(made, values, folder, kills=kills, same=same):
                _check_server(made, there)

    if unkeepable is not None:
        with tempfile.TemporaryDirectory(prefix="asyncflow-contract-") as folder:
            _refuses(make(folder), folder, values, same, unkeepable)


def _check_server(driver: Driver, there: There | None) -> None:
    if there is not None:
        left = [name for name in there(driver) if is_ours(name)]
        assert not left, f"{', '.join(left)} is left on the server"


def is_ours(name: str) -> bool:
    """Tell whether something on a server is none of the user's."""
    return f"{ids.ORCHESTRATOR}_" in name


def write(driver: Driver, folder: str, number: int, value: object) -> StoredValue:
    """Write a value, and publish it."""
    path = _path(folder, number)
    return driver.publish(driver.write(value, path, "node"), path)


def _path(folder: str, number: int) -> str:
    return os.path.join(folder, f"{_maker(folder)}-{number}.value")


def _maker(folder: str) -> str:
    """Return the id of an orchestrator, another one for each check."""
    return f"{ids.ORCHESTRATOR}_{os.path.basename(folder).rpartition('-')[2]}"


def _keeps(driver: Driver, folder: str, values: Sequence[object], same: Same) -> None:
    if driver.takes_default_data:  # it can be asked what is there
        assert not driver.exists(), "a place that nobody has written has no value"

        try:
            driver.read(None)
        except (LookupError, FileNotFoundError):
            pass
        else:
            raise AssertionError("who reads what was never written is told so")

    kept = [write(driver, folder, at, value) for at, value in enumerate(values)]
    known = zip(kept, values, strict=True)
    pairs = [*known] if driver.keeps_versions else [(kept[-1], values[-1])]

    for stored, value in pairs:
        assert same(driver.read(stored), value), (
            f"{value!r:.100} was written and not read"
        )

    if not driver.keeps_versions:
        assert driver.exists(), "a place that was written has a value"
        assert kept[-1] is None, "a place of the user's is known to the driver alone"


def _stages(driver: Driver, folder: str, values: Sequence[object], same: Same) -> None:
    old, new = values[0], values[1]
    kept = write(driver, folder, 1, old)
    path = _path(folder, 2)
    staged = driver.write(new, path, "node")
    assert same(driver.read(kept), old), "what is written is not read before publishing"
    assert same(driver.read(driver.publish(staged, path)), new), "it is read after that"


def _is_clean(
    driver: Driver,
    folder: str,
    values: Sequence[object],
    same: Same,  # noqa: ARG001
) -> None:
    write(driver, folder, 1, values[0])
    before = {*os.listdir(folder)}
    path = _path(folder, 2)
    staged = driver.write(values[1], path, "node")
    made = {os.path.join(folder, name) for name in {*os.listdir(folder)} - before}
    said = driver.staging_path(path)

    if staged is None or os.path.exists(path + STAGED):  # who finds that discards it
        driver.discard(None, path)
        made = {place for place in made if os.path.lexists(place)}

    assert made <= {path, said}, "a write makes only the file that `staging_path` names"

    if not driver.keeps_versions:
        found = {*driver.staged(_maker(folder))}
        assert made <= found, "what is staged of a dead orchestrator is found"

    for name in {*made, temporary_name(said)}:  # as after a killed job
        with suppress(FileNotFoundError):
            os.unlink(name)

    assert {*os.listdir(folder)} == before, "nothing is left of a killed write"


def _discards(
    driver: Driver, folder: str, values: Sequence[object], same: Same
) -> None:
    kept = write(driver, folder, 1, values[0])
    before = {*os.listdir(folder)}
    path = _path(folder, 2)
    driver.discard(driver.write(values[1], path, "node"), path)
    assert {*os.listdir(folder)} == before, "nothing is left of what is discarded"
    assert same(driver.read(kept), values[0]), "it was never visible"


def _is_finished(
    driver: Driver, folder: str, values: Sequence[object], same: Same
) -> None:
    """Publish in another process what a crash has left."""
    write(driver, folder, 1, values[0])
    path = _path(folder, 2)
    staged = driver.write(values[1], path, "node")
    is_published = driver.is_published(staged, path)
    assert not is_published, "what is written is not published yet"

    if driver.keeps_versions or is_published is None:
        driver.publish(staged, path)
    else:
        another: Driver = pickle.loads(pickle.dumps(driver))
        another.publish(staged, path)
        assert same(another.read(None), values[1]), "any process publishes it"
        assert driver.is_published(staged, path), "it is known that it is published"


def _tells(
    driver: Driver,
    folder: str,
    values: Sequence[object],
    same: Same,  # noqa: ARG001
) -> None:
    kept = write(driver, folder, 1, values[0])
    described = driver.describe()
    assert described["storage_type"] == driver.storage_type
    known = driver.place, getattr(driver, "given_place", driver.place)
    assert described["place"] in known, "it is described where its values are"
    shown = driver.preview(kept, 1)
    assert len(shown.rows) <= 1, "a preview has no more rows than it is asked for"
    assert all(len(row) == len(shown.columns) for row in shown.rows)
    before = driver.fingerprint()
    write(driver, folder, 2, values[1])

    if before is not None:
        assert driver.fingerprint() != before, "a write changes the fingerprint"


def _appends(driver: Driver, folder: str, values: Sequence[object], same: Same) -> None:
    kept = write(driver, folder, 1, values[0])
    path = _path(folder, 2)

    if not driver.appends:
        try:
            driver.append(values[0], kept, path, "node")
        except NotImplementedError:
            return

        raise AssertionError("who does not append says so")

    old = driver.read(kept)
    staged = driver.append(values[0], kept, path, "node")
    assert same(driver.read(kept), old), (
        "what is appended is not read before publishing"
    )
    both = driver.read(driver.publish(staged, path))
    assert _length(both) == 2 * _length(old), "the old value, and the new one behind it"


def _length(value: object) -> int:
    if isinstance(value, dict) and value:  # of columns
        return max(map(_length, value.values()))

    return len(value) if hasattr(value, "__len__") else 1


def _uploads(driver: Driver, folder: str, values: Sequence[object], same: Same) -> None:
    kept = write(driver, folder, 1, values[0])
    file = driver.file_of(kept)

    if file is None or (isinstance(file, str) and os.path.isdir(file)):
        return

    if isinstance(file, bytes) and _is_zipped(file):
        return

    own = os.path.join(folder, "uploaded")

    if isinstance(file, str):
        os.link(file, own)
    else:
        with open(own, "wb") as out:
            out.write(file)

    path = _path(folder, 2)
    write(driver, folder, 3, values[1])
    again = driver.publish(driver.upload(own, path, "node"), path)
    assert same(driver.read(again), values[0]), "what was uploaded is read"


def _is_zipped(file: bytes) -> bool:
    """Tell whether a file is that of a folder, and no workbook."""
    if not is_zipfile(BytesIO(file)):
        return False

    with ZipFile(BytesIO(file)) as packed:
        return "[Content_Types].xml" not in packed.namelist()


def _has_no_room(
    driver: Driver, folder: str, values: Sequence[object], same: Same
) -> None:
    kept = write(driver, folder, 1, values[0])
    before = {*os.listdir(folder)}
    path, message = _path(folder, 2), None

    with _full_disk():
        try:
            driver.discard(driver.write(values[1], path, "node"), path)
        except Exception as error:  # each driver has its own
            message = str(error)

    place = driver.place or ""
    assert message is None or "node" in message, (
        f"the error names the data node: {message}"
    )
    assert message is None or place in message, f"the error names its place: {message}"
    assert {*os.listdir(folder)} == before, "nothing is left of a failed write"
    assert same(driver.read(kept), values[0]), "the old value stays"


@contextmanager
def _full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))

    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _refuses(
    driver: Driver,
    folder: str,
    values: Sequence[object],
    same: Same,
    unkeepable: object,
) -> None:
    kept = write(driver, folder, 1, values[0])
    before = {*os.listdir(folder)}

    try:
        driver.write(unkeepable, _path(folder, 2), "node")
    except Exception as error:  # each driver has its own
        message = str(error)
    else:
        raise AssertionError(f"{unkeepable!r:.100} was to be refused")

    assert "node" in message, "the error names the data node"

    assert {*os.listdir(folder)} == before, "nothing is left of a failed write"
    assert same(driver.read(kept), values[0]), "the old value stays"
