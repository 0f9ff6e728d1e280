"""Our own Valkey: a password, nothing on disk, emptied on demand."""

from pathlib import Path

import pytest
import redis

from coverpay.local.process import Guardian
from coverpay.local.valkey import Valkey


@pytest.fixture
def server(folder: Path, guardian: Guardian) -> Valkey:
    made = Valkey(folder / "valkey", guardian)
    made.start()
    return made


def test_serves_on_loopback_with_a_password(server: Valkey) -> None:
    with redis.Redis.from_url(server.url) as client:
        assert client.ping()
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
    with redis.Redis(port=server.port or 0) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_its_password_is_readable_by_its_owner_only(server: Valkey) -> None:
    for name in ("login.json", "valkey.conf"):
        assert (server.home / name).stat().st_mode & 0o777 == 0o600
    assert "requirepass" not in Path(f"/proc/{server.pid}/cmdline").read_text()


def test_restarts_empty_at_the_same_address(server: Valkey) -> None:
    address, pid = server.url, server.pid
    with redis.Redis.from_url(address) as client:
        client.set("queue", "full")
    server.restart_empty()
    assert (server.url, server.pid != pid) == (address, True)
    with redis.Redis.from_url(address) as client:
        assert client.dbsize() == 0
