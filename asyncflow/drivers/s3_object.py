"""The ``s3_object`` storage type: the content of one object of a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from attrs import validators

from asyncflow.drivers._options import Further, further
from asyncflow.drivers._server import ServerDriver, Told, unwritten

if TYPE_CHECKING:
    from asyncflow.abc import StoredValue
    from asyncflow.filters import Where

NOT_COPIED = (
    "ACL",
    "StorageClass",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
)
"""Parameters of a write that its copy does not have."""

TEXT = validators.instance_of(str)
TEXT_OR_NONE = validators.optional(TEXT)


BRIEF: Mapping[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 5,
    "retries": {"max_attempts": 0},
}
"""How a server is asked where something is only tidied up; in seconds."""


@attrs.frozen(kw_only=True)
class S3Options:
    """What a data node of this storage type takes. Taipy's names."""

    aws_access_key: str | None = attrs.field(default=None, validator=TEXT_OR_NONE)
    aws_secret_access_key: str | None = attrs.field(
        default=None, validator=TEXT_OR_NONE
    )
    aws_s3_bucket_name: str = attrs.field(validator=TEXT)
    aws_s3_object_key: str = attrs.field(validator=TEXT)
    aws_region: str | None = attrs.field(default=None, validator=TEXT_OR_NONE)
    aws_s3_endpoint_url: str | None = attrs.field(default=None, validator=TEXT_OR_NONE)
    """The address of another server than Amazon's."""
    aws_s3_client_parameters: Further = further()
    """For botocore's ``create_client``."""
    aws_s3_get_object_parameters: Further = further()
    aws_s3_put_object_parameters: Further = further()
    """For the requests that read and write the object."""


class S3Driver(ServerDriver):
    """Read and replace an object: bytes, or text, which is written as UTF-8.

    A write uploads it under another key, and publishing copies it in the server. Without
    keys, credentials are found as Amazon's tools find them.
    """

    storage_type: ClassVar[str] = "s3_object"
    Options: ClassVar[type[S3Options]] = S3Options
    extra: ClassVar[str | None] = "s3"
    requires: ClassVar[tuple[str, ...]] = ("s3fs", "botocore")
    options: S3Options

    @property
    def place(self) -> str | None:
        given = self.options
        return f"s3://{given.aws_s3_bucket_name}/{given.aws_s3_object_key}"

    @property
    def _at(self) -> Mapping[str, str]:
        given = self.options
        return {
            "Bucket": str(given.aws_s3_bucket_name),
            "Key": str(given.aws_s3_object_key),
        }

    @contextmanager
    def _client(self, *, is_brief: bool = False) -> Iterator[Any]:
        """Make a client.

        :param is_brief: whether it waits for no server that is away
        """
        given = self.options
        parameters = {
            "region_name": _text(given.aws_region),
            "endpoint_url": _text(given.aws_s3_endpoint_url),
            "aws_access_key_id": _text(given.aws_access_key),
            "aws_secret_access_key": _text(given.aws_secret_access_key),
            **given.aws_s3_client_parameters,
        }

        if is_brief:
            from botocore.config import Config

            brief = Config(**BRIEF)
            given_config = parameters.get("config")
            parameters["config"] = given_config.merge(brief) if given_config else brief

        client = _session().create_client("s3", **parameters)

        try:
            yield client
        finally:
            client.close()

    def read(
        self,
        kept: StoredValue,  # noqa: ARG002
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        with self.reading(), self._client() as client:
            more = self.options.aws_s3_get_object_parameters
            body = client.get_object(**more, **self._at)["Body"]

            try:
                value: bytes = body.read()
            finally:
                body.close()

        return self.select(value, columns, where)

    def fingerprint(self) -> str | None:
        try:
            with self._client() as client:
                return str(client.head_object(**self._at)["ETag"])
        except Exception:  # nobody can tell
            return None

    def write(self, value: object, path: str, name: str) -> StoredValue:
        data = value.encode() if isinstance(value, str) else value

        if not isinstance(data, bytes | bytearray | memoryview):
            why = f"a {type(value).__qualname__} is neither bytes nor text"
            raise unwritten(name, self.shown_place, why, "return bytes or a text")

        self.begin(path, name)

        with self.writing(name), self._client() as client:
            at = {**self._at, "Key": self._staged(path)}
            more = self.options.aws_s3_put_object_parameters
            client.put_object(**more, **at, Body=bytes(data))

        return None

    def publish(self, kept: StoredValue, path: str) -> StoredValue:  # noqa: ARG002
        try:
            with self.writing(self.name_of(path)), self._client() as client:
                source = {**self._at, "Key": self._staged(path)}
                client.copy_object(**self._not_copied(), **self._at, CopySource=source)
        finally:
            self.discard(None, path)

        return None

    def discard(self, kept: StoredValue, path: str) -> None:  # noqa: ARG002
        with suppress(Exception), self._client(is_brief=True) as client:
            client.delete_object(**{**self._at, "Key": self._staged(path)})
            self.end(path)

    def is_published(self, kept: StoredValue, path: str) -> bool:  # noqa: ARG002
        from botocore import exceptions

        with self._client() as client:
            try:
                client.head_object(**{**self._at, "Key": self._staged(path)})
            except exceptions.ClientError as error:
                if _code(error) in ("404", "NoSuchKey"):
                    return True

                raise

        return False

    def _not_copied(self) -> Mapping[str, Any]:
        """Return what is said of an object, and does not go with a copy by itself."""
        given = self.options.aws_s3_put_object_parameters
        return {name: given[name] for name in NOT_COPIED if name in given}

    def _staged(self, path: str) -> str:
        return f"{self.options.aws_s3_object_key}.{path.rpartition('/')[2]}"

    def tell(self, error: Exception) -> Told:
        from botocore import exceptions

        why = f"{type(error).__name__}: {error}".strip().partition("\n")[0]

        if isinstance(error, exceptions.ClientError):
            return Told(why, _REMEDIES.get(_code(error), _OTHERWISE))

        if isinstance(error, exceptions.ParamValidationError):
            why = " ".join(f"{error}".replace("::", ":").split())
            return Told(why, "correct aws_s3_bucket_name or aws_s3_object_key")

        if isinstance(
            error,
            exceptions.NoCredentialsError | exceptions.PartialCredentialsError,
        ):
            return Told(why, "give aws_access_key and aws_secret_access_key")

        if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
            return Told(why, "see that the server can be reached")

        return Told(why, _OTHERWISE)


def _session() -> Any:
    """Return a session that finds credentials anew, and reads no description again."""
    from botocore.session import Session

    session = Session()
    session.register_component("data_loader", _loader())
    return session


@cache
def _loader() -> Any:
    from botocore.loaders import create_loader

    return create_loader()


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _text(value: str | None) -> str | None:
    return None if value is None else str(value)


_OTHERWISE = "mend what it says, or the options of the data node"

_REMEDIES: Mapping[str, str] = {
    "NoSuchBucket": "create the bucket, or correct aws_s3_bucket_name",
    "NoSuchKey": "write to the data node first, or correct aws_s3_object_key",
    "AccessDenied": "see that these keys may do it",
    "InvalidAccessKeyId": "correct aws_access_key",
    "SignatureDoesNotMatch": "correct aws_secret_access_key",
    "ExpiredToken": "renew the credentials",
    "InvalidToken": "renew the credentials",
    "AuthorizationHeaderMalformed": "correct aws_region",
    "PermanentRedirect": "correct aws_region",
    "EntityTooLarge": "keep less in it: an object has at most 5 GB here",
}
