"""Servers once per worker; for each test a database, a user and secrets of its own."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tests.support import quick_accounts  # noqa: F401
from tests.support.servers import Authority, MariaDB, Redis

from .world import WEBAPP, World

sys.path.insert(0, str(WEBAPP))  # the application is no package of ours: an instance runs it from its own folder


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder with a short name: a socket's path takes no more than 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="webapp-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """Systems Manager and Secrets Manager; the address to ask."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def authority(scratch: Path) -> Authority:
    """Vouches for the servers."""
    return Authority(scratch)


@pytest.fixture(scope="session")
def mariadb(scratch: Path, authority: Authority) -> Iterator[MariaDB]:
    """One server for all tests of a worker; who stops it starts it again."""
    folder = scratch / "mariadb"
    folder.mkdir()
    server = MariaDB(folder, authority)
    yield server
    server.stop()


@pytest.fixture
def cache(authority: Authority, tmp_path: Path) -> Iterator[Redis]:
    """A store for sessions."""
    server = Redis(tmp_path, authority)
    yield server
    server.stop()


@pytest.fixture
def world(aws: str, mariadb: MariaDB, authority: Authority) -> World:
    """A prepared environment without a cache."""
    made = World(aws, mariadb, authority)
    made.give_user()
    made.prepare()
    return made


@pytest.fixture
def cached_world(aws: str, mariadb: MariaDB, authority: Authority, cache: Redis) -> World:
    """A prepared environment with a cache."""
    made = World(aws, mariadb, authority, cache)
    made.give_user()
    made.prepare()
    return made


@pytest.fixture
def instances(tmp_path: Path) -> Iterator[Callable[..., object]]:
    """Starts instances; they end with the test."""
    started = []

    def start(world: World, **environ: str) -> object:
        started.append(world.instance(tmp_path / f"instance-{len(started)}", **environ))
        return started[-1]

    yield start
    for instance in started:
        instance.kill()
