"""Declaring data nodes that are elsewhere: in databases, buckets, behind functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from asyncflow.config.data_nodes import DataNodes, given
from asyncflow.config.sections import DataNodeConfig, Scope


class ServerDataNodes(DataNodes):
    """What declares data nodes whose values are the user's own, in a place of a server.

    ``"ENV[NAME]"`` may stand for any text, and is the way to give passwords and keys.
    """

    def configure_sql_table_data_node(
        self,
        id: str,
        db_name: str | None = None,
        db_engine: str | None = None,
        table_name: str | None = None,
        db_username: str | None = None,
        db_password: str | None = None,
        db_host: str | None = None,
        db_port: int | None = None,
        db_driver: str | None = None,
        sqlite_folder_path: str | os.PathLike[str] | None = None,
        sqlite_file_extension: str | None = None,
        db_extra_args: Mapping[str, Any] | None = None,
        exposed_type: object = "pandas",
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        url: str | None = None,
        exactly_once: bool = False,
        fingerprint: str | Callable[[Any], Any] | None = None,
        validator: object = None,
        **properties: Any,
    ) -> DataNodeConfig:
        """Declare a data node whose value is the rows of a table, which is there.

        :param db_name: the database; of SQLite the name of the file.
        :param db_engine: ``sqlite``, ``postgresql``, ``mysql`` or ``mssql``.
        :param table_name: the table, or ``schema.table``.
        :param db_username: who connects; None for nobody. SQLite has no users.
        :param db_password: the password of that user; None for none.
        :param db_host: the host of the server; None for ``localhost``.
        :param db_port: the port of the server; None for the usual one.
        :param db_driver: of SQL Server the ODBC driver; None for none.
        :param sqlite_folder_path: the folder of an SQLite file; None for the folder in
            which relative paths begin.
        :param sqlite_file_extension: what follows `db_name` in the name of an SQLite file;
            None for ``.db``.
        :param db_extra_args: the query of SQLAlchemy's address: further parameters of the
            connection; None for none.
        :param exposed_type: what the rows are when they are read: as of
            `configure_csv_data_node`.
        :param url: SQLAlchemy's address of the database, in the place of all the above.
        :param exactly_once: whether each write is noted in a table ``asyncflow_writes``, in
            the same transaction, so that no crash has a job write twice.
        :param fingerprint: a query of which the rows change when the value does, such as
            ``SELECT count(*), max(updated) FROM items``, or a function that is called with
            a connection of SQLAlchemy and returns what does. None: nobody can tell, and
            skippable tasks that read it are never skipped.
        """
        return self.configure_data_node(
            id,
            "sql_table",
            scope,
            validity_period=validity_period,
            validator=validator,
            exposed_type=exposed_type,
            **given(
                db_name=db_name,
                db_engine=db_engine,
                table_name=table_name,
                db_username=db_username,
                db_password=db_password,
                db_host=db_host,
                db_port=db_port,
                db_driver=db_driver,
                sqlite_folder_path=sqlite_folder_path,
                sqlite_file_extension=sqlite_file_extension,
                db_extra_args=db_extra_args,
                url=url,
                exactly_once=exactly_once or None,
                fingerprint=fingerprint,
            ),
            **properties,
        )

    def configure_sql_data_node(
        self,
        id: str,
        db_name: str | None = None,
        db_engine: str | None = None,
        read_query: str | None = None,
        write_query_builder: Callable[[Any], Any] | None = None,
        append_query_builder: Callable[[Any], Any] | None = None,
        db_username: str | None = None,
        db_password: str | None = None,
        db_host: str | None = None,
        db_port: int | None = None,
        db_driver: str | None = None,
        sqlite_folder_path: str | os.PathLike[str] | None = None,
        sqlite_file_extension: str | None = None,
        db_extra_args: Mapping[str, Any] | None = None,
        exposed_type: object = "pandas",
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        url: str | None = None,
        exactly_once: bool = False,
        fingerprint: str | Callable[[Any], Any] | None = None,
        validator: object = None,
        **properties: Any,
    ) -> DataNodeConfig:
        """Declare a data node that reads what a query gives, and writes by queries.

        :param read_query: the query; None for a node that is only written.
        :param write_query_builder: returns for a value the query, or several, that write
            it in one transaction: a text, a text with its parameters, a statement of
            SQLAlchemy. None for a node that is only read.
        :param append_query_builder: the same, for values that are appended; None where
            nothing is appended.

        For the others see `configure_sql_table_data_node`.
        """
        return self.configure_data_node(
            id,
            "sql",
            scope,
            validity_period=validity_period,
            validator=validator,
            exposed_type=exposed_type,
            **given(
                db_name=db_name,
                db_engine=db_engine,
                read_query=read_query,
                write_query_builder=write_query_builder,
                append_query_builder=append_query_builder,
                db_username=db_username,
                db_password=db_password,
                db_host=db_host,
                db_port=db_port,
                db_driver=db_driver,
                sqlite_folder_path=sqlite_folder_path,
                sqlite_file_extension=sqlite_file_extension,
                db_extra_args=db_extra_args,
                url=url,
                exactly_once=exactly_once or None,
                fingerprint=fingerprint,
            ),
            **properties,
        )

    def configure_mongo_collection_data_node(
        self,
        id: str,
        db_name: str,
        collection_name: str,
        custom_document: type[Any] | None = None,
        db_username: str = "",
        db_password: str = "",
        db_host: str = "localhost",
        db_port: int = 27017,
        db_driver: str = "",
        db_extra_args: Mapping[str, Any] | None = None,
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        fingerprint: Callable[[Any], Any] | None = None,
        validator: object = None,
        **properties: Any,
    ) -> DataNodeConfig:
        """Declare a data node whose value is the documents of a collection of MongoDB.

        :param db_name: the database.
        :param collection_name: the collection; one that is not there is empty.
        :param custom_document: the class of documents; None for dicts.
        :param db_username: who connects; ``""`` for nobody.
        :param db_password: the password of that user.
        :param db_host: the host of the server, or several with commas between them.
        :param db_port: the port of the server.
        :param db_driver: ``srv`` for an address that DNS resolves; ``""`` for a plain one.
        :param db_extra_args: further parameters of the client; None for none.
        :param fingerprint: called with the collection; returns what changes when the
            documents do. None: nobody can tell.
        """
        return self.configure_data_node(
            id,
            "mongo_collection",
            scope,
            validity_period=validity_period,
            validator=validator,
            db_name=db_name,
            collection_name=collection_name,
            db_username=db_username,
            db_password=db_password,
            db_host=db_host,
            db_port=db_port,
            db_driver=db_driver,
            **given(
                custom_document=custom_document,
                db_extra_args=db_extra_args,
                fingerprint=fingerprint,
            ),
            **properties,
        )

    def configure_s3_object_data_node(
        self,
        id: str,
        aws_access_key: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_s3_bucket_name: str | None = None,
        aws_s3_object_key: str | None = None,
        aws_region: str | None = None,
        aws_s3_client_parameters: dict[str, Any] | None = None,
        aws_s3_get_object_parameters: dict[str, Any] | None = None,
        aws_s3_put_object_parameters: dict[str, Any] | None = None,
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        aws_s3_endpoint_url: str | None = None,
        validator: object = None,
        **properties: Any,
    ) -> DataNodeConfig:
        """Declare a data node whose value is the content of an object of a bucket.

        :param aws_access_key: the id of the access key; None to find credentials as
            Amazon's tools do.
        :param aws_secret_access_key: the secret of that key; None as for the id.
        :param aws_s3_bucket_name: the bucket, which is there.
        :param aws_s3_object_key: the key of the object.
        :param aws_region: the region; None for what Amazon's tools find.
        :param aws_s3_endpoint_url: the address of another server than Amazon's.
        :param aws_s3_client_parameters: for botocore's ``create_client``.
        :param aws_s3_get_object_parameters: for the request that reads the object.
        :param aws_s3_put_object_parameters: for the request that writes it, such as
            ``{"ContentType": "text/csv"}``.
        """
        return self.configure_data_node(
            id,
            "s3_object",
            scope,
            validity_period=validity_period,
            validator=validator,
            **given(
                aws_access_key=aws_access_key,
                aws_secret_access_key=aws_secret_access_key,
                aws_s3_bucket_name=aws_s3_bucket_name,
                aws_s3_object_key=aws_s3_object_key,
                aws_region=aws_region,
                aws_s3_endpoint_url=aws_s3_endpoint_url,
                aws_s3_client_parameters=aws_s3_client_parameters,
                aws_s3_get_object_parameters=aws_s3_get_object_parameters,
                aws_s3_put_object_parameters=aws_s3_put_object_parameters,
            ),
            **properties,
        )

    def configure_generic_data_node(
        self,
        id: str,
        read_fct: Callable[..., Any] | None = None,
        write_fct: Callable[..., Any] | None = None,
        read_fct_args: Sequence[Any] | None = None,
        write_fct_args: Sequence[Any] | None = None,
        scope: Scope = Scope.SCENARIO,
        validity_period: timedelta | None = None,
        *,
        append_fct: Callable[..., Any] | None = None,
        fingerprint: Callable[..., Any] | None = None,
        validator: object = None,
        **properties: Any,
    ) -> DataNodeConfig:
        """Declare a data node that functions of yours read and write, where jobs run.

        :param read_fct: called with `read_fct_args`; an ``async def`` one is awaited.
            None for a node that is only written.
        :param write_fct: called with the value and `write_fct_args`. None for a node that
            is only read.
        :param read_fct_args: the arguments of `read_fct`; None for none.
        :param write_fct_args: the arguments of `write_fct` after the value; None for none.
        :param append_fct: called as `write_fct`, with what is appended; None where nothing
            is appended.
        :param fingerprint: called with `read_fct_args`; returns what changes when what
            `read_fct` reads does. None: nobody can tell.
        """
        return self.configure_data_node(
            id,
            "generic",
            scope,
            validity_period=validity_period,
            validator=validator,
            **given(
                read_fct=read_fct,
                write_fct=write_fct,
                read_fct_args=read_fct_args,
                write_fct_args=write_fct_args,
                append_fct=append_fct,
                fingerprint=fingerprint,
            ),
            **properties,
        )
