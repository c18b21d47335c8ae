# ci: run
"""A crawler: `async def` tasks, tried again where a server is busy.

Coroutines run on the event loop, as many at a time as there are workers; what reads the
pages runs in a worker process. The server is part of the example.
"""

import logging
import sys
from collections import Counter

import anyio
from anyio.abc import SocketAttribute, SocketStream

from asyncflow import Config, Orchestrator, Retry

PAGES = 6


class BusyError(Exception):
    """The server is busy."""


async def fetch(address: str) -> str:
    host, port, path = address.split()

    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join([part async for part in stream]).decode()

    head, _, page = answer.partition("\r\n\r\n")

    if " 503 " in head:
        raise BusyError(path)

    return page


def count_words(*pages: str) -> Counter[str]:
    return Counter(word for page in pages for word in page.split())


# ---------------------------------------------------------------------- what is crawled

asked: Counter[bytes] = Counter()


async def serve(stream: SocketStream) -> None:
    async with stream:
        path = (await stream.receive()).split()[1]
        asked[path] += 1

        if path == b"/2" and asked[path] < 3:
            await stream.send(b"HTTP/1.0 503 Busy\r\n\r\n")
        else:
            await stream.send(b"HTTP/1.0 200 OK\r\n\r\nthis is page " + path[1:])


# ----------------------------------------------------------------------------- the crawl


async def crawl(port: int) -> None:
    pages = [Config.configure_data_node(f"page_{number}") for number in range(PAGES)]
    words = Config.configure_data_node("words")
    retry = Retry(attempts=5, wait=0.05, on=BusyError)
    tasks = [Config.configure_task("count_words", count_words, pages, words)]

    for number, page in enumerate(pages):
        address = Config.configure_data_node(
            f"address_{number}", default_data=f"127.0.0.1 {port} /{number}"
        )
        tasks.append(
            Config.configure_task(f"fetch_{number}", fetch, address, page, retry=retry)
        )

    scenario_cfg = Config.configure_scenario("crawl", tasks)
    Config.configure_job_executions(mode="standalone", max_nb_of_workers=3)

    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(scenario_cfg)
        await scenario.submit()
        print(sorted((await scenario.words.read()).items()))


async def main() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(SocketAttribute.local_port)

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        await crawl(port)
        group.cancel_scope.cancel()


# What asyncflow tells of attempts that fail is a warning.
logging.basicConfig(stream=sys.stdout, format="%(message)s")
anyio.run(main)
