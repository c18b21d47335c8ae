"""Clusters that are reached by TLS alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import ClusterFailed, Configuration, Orchestrator
from tests.support import flows
from tests.support.dask_cluster import ended, free_port, started
from tests.support.flows import single

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="it makes certificates"),
]

SETTINGS = """
[JOB]
mode = "cluster"
address = "{address}"

[JOB.security]
tls_ca_file = "{ca}"
tls_client_cert = "{cert}"
tls_client_key = "{key}"
"""


def certify(folder: Path) -> None:
    """Make two authorities, and a certificate by the first."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]

    for name in ("ca", "other"):
        subject = f"/CN=asyncflow tests {name}"
        made = ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", subject]
        openssl("req", "-x509", *new, *made)

    openssl(
        *["req", "-keyout", "key.pem", "-out", "wanted.pem", "-subj", "/CN=localhost"],
        *new,
    )
    signed = "x509 -req -in wanted.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
    openssl(*signed.split(), "-out", "cert.pem")


def configured(address: str, folder: Path, ca: str) -> Configuration:
    file = folder / f"{ca}.toml"
    paths = {"cert": folder / "cert.pem", "key": folder / "key.pem"}
    file.write_text(SETTINGS.format(address=address, ca=folder / f"{ca}.pem", **paths))
    config = Configuration()
    config.load(file)
    return config


@pytest.fixture(scope="module")
def configs(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Configuration]]:
    """Give configurations for a cluster, by the authority that they trust."""
    folder = tmp_path_factory.mktemp("tls")
    certify(folder)
    address = f"tls://127.0.0.1:{free_port()}"
    files = {"--tls-ca-file": "ca", "--tls-cert": "cert", "--tls-key": "key"}
    tls = [
        part for name, file in files.items() for part in (name, f"{folder}/{file}.pem")
    ]
    silent = ("--no-dashboard", *tls)
    port = address.rpartition(":")[2]
    scheduler = started(
        "dask_scheduler", "--host", "tls://127.0.0.1", "--port", port, *silent
    )
    alone = ("--no-nanny", "--nthreads", "1", "--host", "127.0.0.1")
    worker = started("dask_worker", address, *alone, *silent)

    try:
        yield {ca: configured(address, folder, ca) for ca in ("ca", "other")}
    finally:
        for process in (worker, scheduler):
            ended(process)


async def test_the_right_certificates_do(configs: dict[str, Configuration]) -> None:
    config = configs["ca"]

    opened = None

    with fail_after(50):
        while opened is None:
            with suppress(ClusterFailed):  # its scheduler starts meanwhile
                opened = await Orchestrator(config).open()

        try:
            scenario = await opened.create_scenario(single(config, flows.double))
            await scenario.submit()
            assert await scenario.result.read() == 2
        finally:
            await opened.close()


async def test_another_authority_does_not(configs: dict[str, Configuration]) -> None:
    with fail_after(50), pytest.raises(ClusterFailed, match="security"):
        await Orchestrator(configs["other"]).open()
