"""Texts that are used, and not shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asyncflow import ConfigError, Configuration
from asyncflow.config.lookup import value_of
from asyncflow.secret import Secret, concealed, masked, names_secret, without_password


@pytest.mark.parametrize(
    "name",
    [
        *("db_password", "sslpassword", "Password", "pwd", "client_secret", "key"),
        *("aws_secret_access_key", "aws_access_key", "api_key", "token"),
        *("session_token", "account_key", "credentials", "Authorization", "auth"),
        *("cookies", "AccessKeyId", "clientSecret"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("db_name", "aws_s3_object_key", "keys", "primary_keys", "tokenizer"),
        *("secretary", "authSource", "author"),
    ],
)
def test_names_of_others(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:p%40ss@host/db", "postgresql://me:***@host/db"),
        ("redis://:word@host", "redis://:***@host"),
        ("a://u:p@h and b://u:q@i", "a://u:***@h and b://u:***@i"),
        ("postgresql://h/db?password=word&x=1", "postgresql://h/db?password=***&x=1"),
        (
            "https://h/a?X-Amz-Signature=word&se=1",
            "https://h/a?X-Amz-Signature=***&se=1",
        ),
        ("https://h/a?sig=word", "https://h/a?sig=***"),
        ("https://h/a?key=word&b=1", "https://h/a?key=***&b=1"),
        (
            "m://?odbc_connect=UID%3Du%3BPWD%3Dw%3BX",
            "m://?odbc_connect=UID%3Du%3BPWD%3D***%3BX",
        ),
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("https://host:80/a@b", "https://host:80/a@b"),
    ],
)
def test_addresses(address: str, shown: str) -> None:
    assert without_password(address) == shown
    assert masked(f"no {address}", []) == f"no {shown}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Name=x;AccountKey=word==;End=y", "Name=x;AccountKey=***;End=y"),
        ("host=h user=u password=word", "host=h user=u password=***"),
        ("Driver={x y};UID=u;PWD=word;", "Driver={x y};UID=u;PWD=***;"),
        ("SELECT * FROM t WHERE token=1", "SELECT * FROM t WHERE token=1"),
        ("key=1", "key=1"),
    ],
)
def test_pairs(text: str, shown: str) -> None:
    assert without_password(text) == shown
    assert repr(concealed("conn", text)) == repr(shown)


def test_hosts() -> None:
    assert repr(concealed("db_host", "u:word@h,i")) == "'u:***@h,i'"
    assert type(concealed("db_host", "h")) is str


def test_what_is_given_by_name() -> None:
    given = {"key": "a-key", "client": {"password": ["one", "two"], "host": "h"}}
    hidden = concealed("storage_options", given)
    assert hidden == given
    assert repr(hidden) == (
        "{'key': '***', 'client': {'password': ['***', '***'], 'host': 'h'}}"
    )
    plain = {"host": "h", "nested": [1, {"x": "y"}]}
    assert concealed("options", plain) is plain


def test_texts_with_secrets() -> None:
    secrets = [Secret("p@ss word"), Secret("p@ss word 2", "ENV[B]"), Secret("ab")]
    text = "p@ss word; p@ss word 2; p%40ss%20word; p%40ss+word; ab; abc"
    assert masked(text, secrets) == "***; ENV[B]; ***; ***; ***; abc"


def test_no_repr_and_no_problem_shows_it(config: Configuration) -> None:
    config.configure_data_node("a", db_password="hunter2", url="a://u:hunter2@h")
    config.configure_data_node("a", db_password="hunter3", url="a://u:hunter3@h")
    shown = repr(config.data_nodes) + "".join(map(str, config.problems()))
    assert "configured twice" in shown
    assert "hunter" not in shown
    assert config.data_nodes["a"].properties["db_password"] == "hunter3"


def test_a_path_does_not_show_it(config: Configuration, tmp_path: Path) -> None:
    config.configure_json_data_node("a", "http://u:hunter2@h/a.json")
    assert "http://u:***@h/a.json" in repr(config.data_nodes["a"])
    assert config.data_nodes["a"].default_path == "http://u:hunter2@h/a.json"

    with pytest.raises(ConfigError) as caught:
        config.export(tmp_path / "config.toml")

    assert [one.field for one in caught.value.problems] == ["default_path"]


def test_exports_do_not_have_it(config: Configuration, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    config.configure_data_node("a", db_password="hunter2", url="a://u:hunter2@h")
    config.configure_data_node("b", db_password="ENV[WORD]")

    with pytest.raises(ConfigError) as caught:
        config.export(file)

    assert [one.field for one in caught.value.problems] == ["db_password", "url"]
    assert "ENV[NAME]" in caught.value.problems[0].remedy
    assert "hunter" not in str(caught.value)
    assert not file.exists()

    config.export(file, secrets=True)
    assert file.read_text().count("hunter2") == 2
    assert 'db_password = "ENV[WORD]"' in file.read_text()


def test_a_default_of_the_environment_is_one_where_it_has_one(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORD", raising=False)
    monkeypatch.delenv("PLACE", raising=False)
    given: dict[str, Any] = {
        "db_password": "ENV[WORD:hunter2]",
        "url": "ENV[PLACE:a://u:hunter2@h/b]",
        "port": "ENV[PORT:5432]:int",
    }
    section = config.configure_data_node("a", **given)
    shown = repr(section) + repr(config.data_nodes)
    assert "hunter" not in shown
    assert "ENV[WORD:***]" in shown
    assert "ENV[PLACE:a://u:***@h/b]" in shown
    assert "ENV[PORT:5432]:int" in shown
    found = {name: value_of(name, section.properties[name], []) for name in given}
    assert found == {"db_password": "hunter2", "url": "a://u:hunter2@h/b", "port": 5432}

    with pytest.raises(ConfigError) as caught:
        config.export(tmp_path / "config.toml")

    assert [one.field for one in caught.value.problems] == ["db_password", "url"]
    assert "hunter" not in str(caught.value)
