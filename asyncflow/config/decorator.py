"""``@task``: declares tasks of the default configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from asyncflow.config.configuration import Config
from asyncflow.config.retry import Retry

if TYPE_CHECKING:
    from asyncflow.config.task_function import Nodes, TaskFunction

P = ParamSpec("P")
R = TypeVar("R")


@overload
def task(function: Callable[P, R], /) -> TaskFunction[P, R]: ...


@overload
def task(
    function: None = None,
    /,
    *,
    id: str | None = None,
    input: Nodes = None,
    output: Nodes = None,
    skippable: bool = False,
    executor: str = "process",
    on_restart: str = "rerun",
    run_timeout: float | None = None,
    stall_timeout: float | None = None,
    retry: Retry | int | None = None,
    crash_retries: int = 1,
    needs: Mapping[str, float] | None = None,
    memory_limit: int | None = None,
    **properties: object,
) -> Callable[[Callable[P, R]], TaskFunction[P, R]]: ...


def task(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Declare a task of the default configuration by decorating its function.

    See `Configuration.task`.

    :param function: what is decorated, without options.
    :param options: those of `Configuration.task`.
    :raises UsageError: where the function does not tell what its inputs are.
    """
    decorate: Any = Config.task
    return decorate(function, **options)
