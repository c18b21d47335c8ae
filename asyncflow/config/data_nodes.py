"""Declaring data nodes: one verb for all storage types, and one for each."""

from __future__ import annotations

import functools
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from asyncflow.config.converters import as_path
from asyncflow.config.section import Section, check_source, evolved, names_of
from asyncflow.config.sections import (
    NOT_GIVEN,
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    Scope,
    T,
)

if TYPE_CHECKING:
    import json

S = TypeVar("S", bound=Section)
C = TypeVar("C", bound=type[Any])

_NOT_GIVEN: Any = NOT_GIVEN
"""A default value of no type: where none is given, values may be of any."""


class DataNodes(ABC):
    """What declares data nodes.

    A verb for one storage type names its options, and says the same as
    `configure_data_node` with that storage type. That verb describes the parameters which
    all storage types have.
    """

    @abstractmethod
    def _configure(self, section: S) -> S: ...

    if not TYPE_CHECKING:  # or each name would be one that can be set

        def __setattr__(self, name: str, value: object) -> None:
            if not (name.startswith("_") or hasattr(type(self), name)):
                raise AttributeError(_unset(self, name))

            object.__setattr__(self, name, value)

    def configure_data_node(
        self,
        id: str,
        storage_type: str = "pickle",
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        default_data: T = _NOT_GIVEN,
        default_path: str | os.PathLike[str] | None = None,
        keep_versions: int = 1,
        validator: object = None,
        **properties: object,
    ) -> DataNodeConfig[T]:
        """Declare a data node.

        :param id: an identifier, unique in this configuration.
        :param storage_type: ``pickle``, ``in_memory``, ``json``, ``csv``, ``parquet``,
            ``excel``, ``sql_table``, ``sql``, ``mongo_collection``, ``s3_object``,
            ``generic``, or one that another package adds.
        :param scope: who shares it.
        :param default_data: its first value, which may be None; without it the data
            node is unwritten.
        :param default_path: a file or an address of your own; None lets asyncflow choose.
        :param validity_period: how long a value is valid after it was written; None for
            ever. What a skippable task wrote is written anew when it is not valid.
        :param keep_versions: how many versions are kept beside the current one.
        :param validator: what is asked of each value before it is written: a callable
            that raises or returns False for a wrong one, or what has a method
            ``validate``, such as a schema of pandera. None for nothing.
        :param properties: the options that its storage type alone has, and whatever else
            you want to keep with it.
        """
        return self._configure(
            DataNodeConfig(
                id=id,
                storage_type=storage_type,
                scope=scope,
                validity_period=validity_period,
                keep_versions=keep_versions,
                validator=validator,
                default_data=default_data,
                default_path=as_path(default_path),
                properties=properties,
            )
        )

    def configure_data_node_from(
        self, source_configuration: DataNodeConfig, id: str, **properties: Any
    ) -> DataNodeConfig:
        """Declare a data node that is what another one is, but for what is given.

        :param source_configuration: the other one.
        :param properties: parameters of `configure_data_node`.
        """
        check_source(source_configuration, DataNodeConfig)
        own = names_of(DataNodeConfig)
        fields = {name: value for name, value in properties.items() if name in own}
        free = {name: value for name, value in properties.items() if name not in own}

        if "default_path" in fields:
            fields["default_path"] = as_path(fields["default_path"])

        return self._configure(
            evolved(
                source_configuration,
                **fields,
                id=id,
                options={},
                properties={
                    **source_configuration.options,
                    **source_configuration.properties,
                    **free,
                },
            )
        )

    def configure_pickle_data_node(
        self,
        id: str,
        default_path: str | os.PathLike[str] | None = None,
        default_data: T = _NOT_GIVEN,
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        storage_options: Mapping[str, object] | None = None,
        keep_versions: int = 1,
        validator: object = None,
        **properties: object,
    ) -> DataNodeConfig[T]:
        """Declare a data node whose values are pickled to disk.

        :param default_path: a file of your own; None lets asyncflow choose.
        :param default_data: its first value, which may be None; without it the data
            node is unwritten.
        :param storage_options: parameters of fsspec's file system, where the path is an
            address such as ``s3://bucket/key``; None for none.
        """
        return self._configure(
            DataNodeConfig(
                id=id,
                storage_type="pickle",
                scope=scope,
                validity_period=validity_period,
                keep_versions=keep_versions,
                validator=validator,
                default_data=default_data,
                default_path=as_path(default_path),
                properties={
                    **properties,
                    **given(storage_options=storage_options),
                },
            )
        )

    def configure_in_memory_data_node(
        self,
        id: str,
        default_data: T = _NOT_GIVEN,
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        keep_versions: int = 1,
        validator: object = None,
        **properties: object,
    ) -> DataNodeConfig[T]:
        """Declare a data node whose values last as long as the orchestrator.

        :param default_data: its first value, which may be None; without it the data
            node is unwritten.
        """
        return self._configure(
            DataNodeConfig(
                id=id,
                storage_type="in_memory",
                scope=scope,
                validity_period=validity_period,
                keep_versions=keep_versions,
                validator=validator,
                default_data=default_data,
                properties=properties,
            )
        )

    def configure_json_data_node(
        self,
        id: str,
        default_path: str | os.PathLike[str] | None = None,
        encoding: str = "utf-8",
        encoder: type[json.JSONEncoder] | None = None,
        decoder: type[json.JSONDecoder] | None = None,
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        storage_options: Mapping[str, object] | None = None,
        default_data: T = _NOT_GIVEN,
        keep_versions: int = 1,
        validator: object = None,
        **properties: object,
    ) -> DataNodeConfig[T]:
        """Declare a data node whose values are in JSON files.

        :param default_path: a file of your own; None lets asyncflow choose.
        :param encoding: which encoding the text has.
        :param encoder: a subclass of `json.JSONEncoder`; None for one that knows dates, enums,
            dataclasses and tables.
        :param decoder: a subclass of `json.JSONDecoder`; None for one that reads these.
        :param storage_options: parameters of fsspec's file system, where the path is an
            address such as ``s3://bucket/key``; None for none.
        """
        return self.configure_data_node(
            id,
            "json",
            scope,
            default_data=default_data,
            default_path=default_path,
            validity_period=validity_period,
            keep_versions=keep_versions,
            validator=validator,
            encoding=encoding,
            **given(encoder=encoder, decoder=decoder, storage_options=storage_options),
            **properties,
        )

    def configure_csv_data_node(
        self,
        id: str,
        default_path: str | os.PathLike[str] | None = None,
        encoding: str = "utf-8",
        has_header: bool = True,
        exposed_type: object = "pandas",
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        storage_options: Mapping[str, object] | None = None,
        default_data: T = _NOT_GIVEN,
        keep_versions: int = 1,
        read_options: Mapping[str, object] | None = None,
        write_options: Mapping[str, object] | None = None,
        validator: object = None,
        **properties: object,
    ) -> DataNodeConfig[T]:
        """Declare a data node whose values are tables in CSV files.

        :param default_path: a file of your own; None lets asyncflow choose.
        :param encoding: which encoding the text has.
        :param has_header: whether the first row names the columns.
        :param exposed_type: what a table is when it is read: ``pandas``, ``polars``, ``numpy``,
            ``arrow``, ``list[dict]``, ``dict`` (of columns), ``str``,
            ``bytes``, or a class for each row.
        :param read_options: parameters for what reads, by name; None for none.
        :param write_options: parameters for what writes, by name; None for none.
        :param storage_options: parameters of fsspec's file system, where the path is an
            address such as ``s3://bucket/key``; None for none.
        """
        return self.configure_data_node(
            id,
            "csv",
            scope,
            default_data=default_data,
            default_path=default_path,
            validity_period=validity_period,
            keep_versions=keep_versions,
            validator=validator,
            encoding=encoding,
            has_header=has_header,
            exposed_type=exposed_type,
            **given(
                read_options=read_options,
                write_options=write_options,
                storage_options=storage_options,
            ),
            **properties,
        )

    def configure_parquet_data_node(
        self,
        id: str,
        default_path: str | os.PathLike[str] | None = None,
        engine: str = "pyarrow",
        compression: str | None = "snappy",
        read_options: Mapping[str, object] | None = None,
        write_options: Mapping[str, object] | None = None,
        exposed_type: object = "pandas",
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        storage_options: Mapping[str, object] | None = None,
        default_data: T = _NOT_GIVEN,
        keep_versions: int = 1,
        validator: object = None,
        **properties: object,
    ) -> DataNodeConfig[T]:
        """Declare a data node whose values are tables in Parquet files.

        :param default_path: a file of your own; None lets asyncflow choose.
        :param engine: ``pyarrow``.
        :param compression: ``snappy``, ``gzip``, ``brotli``, ``lz4``, ``zstd``, or ``none``.
        :param exposed_type: what a table is when it is read: ``pandas``, ``polars``, ``numpy``,
            ``arrow``, ``list[dict]``, ``dict`` (of columns), or a class for each row.
        :param read_options: parameters for what reads, by name; None for none.
        :param write_options: parameters for what writes, by name; None for none.
        :param storage_options: parameters of fsspec's file system, where the path is an
            address such as ``s3://bucket/key``; None for none.
        """
        return self.configure_data_node(
            id,
            "parquet",
            scope,
            default_data=default_data,
            default_path=default_path,
            validity_period=validity_period,
            keep_versions=keep_versions,
            validator=validator,
            engine=engine,
            compression=compression,
            exposed_type=exposed_type,
            **given(
                read_options=read_options,
                write_options=write_options,
                storage_options=storage_options,
            ),
            **properties,
        )

    def configure_excel_data_node(
        self,
        id: str,
        default_path: str | os.PathLike[str] | None = None,
        has_header: bool = True,
        sheet_name: str | Sequence[str] | None = None,
        exposed_type: object = "pandas",
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        storage_options: Mapping[str, object] | None = None,
        default_data: T = _NOT_GIVEN,
        keep_versions: int = 1,
        read_options: Mapping[str, object] | None = None,
        write_options: Mapping[str, object] | None = None,
        validator: object = None,
        **properties: object,
    ) -> DataNodeConfig[T]:
        """Declare a data node whose values are tables in workbooks.

        :param default_path: a file of your own; None lets asyncflow choose.
        :param has_header: whether the first row names the columns.
        :param sheet_name: one sheet; or several, of which a dict is read; None for all.
        :param exposed_type: what a table is when it is read: ``pandas``, ``polars``, ``numpy``,
            ``arrow``, ``list[dict]``, ``dict`` (of columns), or a class for each row.
        :param read_options: parameters for what reads, by name; None for none.
        :param write_options: parameters for what writes, by name; None for none.
        :param storage_options: parameters of fsspec's file system, where the path is an
            address such as ``s3://bucket/key``; None for none.
        """
        return self.configure_data_node(
            id,
            "excel",
            scope,
            default_data=default_data,
            default_path=default_path,
            validity_period=validity_period,
            keep_versions=keep_versions,
            validator=validator,
            has_header=has_header,
            exposed_type=exposed_type,
            **given(
                sheet_name=sheet_name,
                read_options=read_options,
                write_options=write_options,
                storage_options=storage_options,
            ),
            **properties,
        )


def given(**options: object) -> dict[str, Any]:
    """Return the options that are given: a file says no others."""
    return {name: value for name, value in options.items() if value is not None}


def takes_defaults(cls: C) -> C:
    """Have the verbs of a class that declare sections take what was set for all."""
    for name in dir(cls):
        if name.startswith("configure_") and name.endswith("_data_node"):
            storage = name.removeprefix("configure_").removesuffix("data_node")
            verb = getattr(cls, name)
            setattr(cls, name, _filled(verb, "DATA_NODE", storage.rstrip("_")))

    cls.configure_task = _filled(cls.configure_task, "TASK")
    cls.configure_scenario = _filled(cls.configure_scenario, "SCENARIO")
    return cls


def _filled(
    verb: Callable[..., Any], kind: str, storage: str = ""
) -> Callable[..., Any]:
    code: Any = verb.__code__
    names = code.co_varnames[1 : code.co_argcount]

    @functools.wraps(verb)
    def filled(self: Any, *args: Any, **given: Any) -> Any:
        default = self._defaults.get(kind) if self._defaults else None

        if default and len(args) <= len(names):
            from asyncflow.config.defaults import completed

            given = completed(
                default,
                {**dict(zip(names, args, strict=False)), **given},
                kind,
                storage,
            )
            args = ()

        return verb(self, *args, **given)

    return filled


def _unset(config: object, name: str) -> str:
    """Say that a name of a configuration cannot be set, and what declares it."""
    for kind, method in _SETTINGS.items():
        if name in names_of(kind):
            return f"{name!r} is not set: `Config.{method}({name}=...)` declares it"

    from asyncflow.config.checks.values import meant

    hint = meant(name, [one for one in dir(type(config)) if one[0] != "_"]).strip()
    return f"a Configuration has no {name!r} to set: " + (
        hint or "its methods configure_... declare everything"
    )


_SETTINGS: Mapping[type[Any], str] = {
    JobConfig: "configure_job_executions",
    CoreConfig: "configure_core",
}
"""What declares the sections without ids."""
