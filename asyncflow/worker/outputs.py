"""The outputs of a job: its result is split over them, written, and published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.outcome import StoredValue
from asyncflow.worker.wire import ValueDriver, seen

if TYPE_CHECKING:
    from asyncflow.worker.replacing import Former


def keep_result(
    task: str, outputs: Sequence[tuple[str, ValueDriver, str]], result: object
) -> tuple[StoredValue, ...]:
    """Split a result over the outputs of a task, and keep it.

    :param outputs: for each its name, its driver and the file it may make
    :raises DataNodeWritingError: where it does not have one value for each output
    """
    if len(outputs) == 1:
        ((name, driver, path),) = outputs

        if driver.validator is not None:
            result = validated(driver.validator, result, name)

        kept = driver.write(result, path, name)

        try:
            if type(kept) is bytes or driver.keeps_versions:
                return (driver.publish(kept, path),)

            return publish_all(outputs, (kept,))
        except BaseException:
            driver.discard(kept, path)
            raise

    values = split_result(task, [name for name, _, _ in outputs], result)
    return write_all(outputs, values)


def split_result(task: str, names: Sequence[str], result: object) -> Sequence[object]:
    """Split a result over the outputs of a task.

    :raises DataNodeWritingError: where it does not have one value for each output
    """
    if not names:
        return ()

    if not isinstance(result, tuple | list) or len(result) != len(names):
        what = (
            f"{len(result)} values"
            if isinstance(result, tuple | list)
            else f"a {type(result).__qualname__}"
        )
        raise DataNodeWritingError(
            f"task {task!r} has {len(names)} outputs ({', '.join(names)}), "
            f"so its function must return a tuple of {len(names)}; it returned {what}"
        )

    return result


def write_all(
    ports: Sequence[tuple[str, ValueDriver, str]], values: Sequence[object]
) -> tuple[StoredValue, ...]:
    """Keep values: all are written before the first is published.

    :param ports: for each value its name, its driver and the file it may make
    """
    kept: list[StoredValue] = []
    values = [
        value if driver.validator is None else validated(driver.validator, value, name)
        for (name, driver, _), value in zip(ports, values, strict=True)
    ]

    try:
        for (name, driver, path), value in zip(ports, values, strict=True):
            kept.append(driver.write(value, path, name))

        if {*map(type, kept)} == {bytes} or all(
            driver.keeps_versions for _, driver, _ in ports
        ):
            return tuple(
                driver.publish(stored, path)
                for (_, driver, path), stored in zip(ports, kept, strict=True)
            )

        return publish_all(ports, kept)
    except BaseException:
        for (_, driver, path), written in zip(ports, kept, strict=False):
            driver.discard(written, path)

        raise


def publish_all(
    ports: Sequence[tuple[str, ValueDriver, str]], kept: Sequence[StoredValue]
) -> tuple[StoredValue, ...]:
    """Make written values visible, some of them in places of the user's.

    What a server may refuse goes first: then nothing is visible yet.

    :param ports: for each value its name, its driver and the path that it was given
    """
    from asyncflow.worker import intent

    file = intent.begin(ports, kept)
    order = sorted(range(len(ports)), key=lambda at: kept[at] is not None)
    made: dict[int, StoredValue] = {}
    formers: dict[int, Former | None] = {}

    try:
        for at in order:
            _, driver, path = ports[at]

            if not driver.keeps_versions:
                formers[at] = driver.former(kept[at], path)

            made[at] = driver.publish(kept[at], path)
    except BaseException as error:
        if file is not None:  # first: what comes back would seem to be visible
            intent.drop(file)

        stay = [ports[at][0] for at in formers if not _is_back(formers[at], at in made)]

        if stay and isinstance(error, Exception):
            raise DataNodeWritingError(
                f"{error}; and {', '.join(map(repr, stay))} of the same job is new already: run the "
                "job again once that is mended"
            ) from error

        raise
    finally:
        for former in formers.values():
            if former is not None:
                former.let_go()

    return tuple(seen(port[1], made[at]) for at, port in enumerate(ports))


def _is_back(former: Former | None, is_made: bool) -> bool:
    """Have what was in a place there again; tell whether it is.

    :param is_made: whether what replaces it is visible
    """
    if former is None:
        return not is_made

    try:
        former.put_back()
    except OSError:
        return not is_made

    return True


def published(driver: ValueDriver, kept: StoredValue, path: str) -> StoredValue:
    """Make a written value visible that is no job's; forget it where that fails."""
    try:
        return driver.publish(kept, path)
    except BaseException:
        driver.discard(kept, path)
        raise


def validated(validator: object, value: object, name: str) -> object:
    """Return a value that a validator accepts; see `validation.validated`."""
    from asyncflow.worker import validation

    return validation.validated(validator, value, name)
