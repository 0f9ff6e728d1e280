"""Our own Postgres: it starts, keeps, recovers, refuses and stops."""

import os
import socket
import threading
from pathlib import Path

import psycopg
import pytest

from coverpay.local import postgres
from coverpay.local.accounts import Account
from coverpay.local.errors import LocalError, StartFailed
from coverpay.local.guardian import running
from coverpay.local.member import LOOPBACK
from coverpay.local.postgres import THROWAWAY, Postgres
from coverpay.local.process import Guardian
from tests.local.conftest import eventually, processes_of

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def server(folder: Path, guardian: Guardian) -> Postgres:
    return Postgres(folder / "postgres", guardian, THROWAWAY)


def ask(server: Postgres, question: str) -> object:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(question).fetchone()
    return row and row[0]


def test_serves_a_database_of_its_own_on_loopback_only(server: Postgres) -> None:
    server.start()
    assert ask(server, "SELECT current_database()") == "coverpay"
    assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(server, "SHOW unix_socket_directories") == ""
    assert ask(server, "SHOW password_encryption") == "scram-sha-256"


def test_lets_nobody_in_without_the_password(server: Postgres) -> None:
    server.start()
    for wrong in ("", ":wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgres://coverpay{wrong}@127.0.0.1:{server.port}/coverpay")
    assert (server.home / "login.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not AS_ROOT, reason="only root changes accounts")
def test_never_runs_as_root(server: Postgres) -> None:
    server.start()
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0


def test_keeps_data_password_and_port_over_a_restart(server: Postgres, folder: Path, guardian: Guardian) -> None:
    server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS figure")
    server.stop()
    again = Postgres(folder / "postgres", guardian, THROWAWAY)
    again.start()
    assert again.url == server.url
    assert ask(again, "SELECT figure FROM kept") == 7


def test_keeps_committed_rows_over_kill_9(server: Postgres) -> None:
    server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("SET synchronous_commit = on")
        connection.execute("CREATE TABLE kept AS SELECT 7 AS figure")
    server.kill9()
    server.start()
    assert ask(server, "SELECT figure FROM kept") == 7


def test_kill_9_ends_sessions_that_are_busy_too(server: Postgres) -> None:
    server.start()
    with psycopg.connect(server.url) as connection:
        busy = connection.info.backend_pid
        with connection.cursor() as cursor, pytest.raises(psycopg.OperationalError):
            threading.Timer(0.3, server.kill9).start()
            cursor.execute("SELECT count(*) FROM generate_series(1, 1000000000)")
    assert eventually(lambda: not running(busy), 5)


def test_moves_when_its_port_is_taken(server: Postgres) -> None:
    server.start()
    server.stop()
    taken = server.port
    with socket.create_server((LOOPBACK, taken or 0)):
        server.start()
    assert server.port != taken
    assert ask(server, "SELECT 1") == 1


def test_is_not_kept_from_starting_by_a_stale_pid_file(server: Postgres) -> None:
    server.start()
    server.stop()
    stale = f"{os.getpid()}\n{server.data}\n1\n{server.port}\n\n127.0.0.1\n\nready\n"
    (server.data / "postmaster.pid").write_text(stale)
    server.account.give(server.data / "postmaster.pid")
    server.start()
    assert ask(server, "SELECT 1") == 1


def test_takes_over_from_a_server_that_was_left_behind(server: Postgres, folder: Path, guardian: Guardian) -> None:
    server.start()
    left = server.pid
    successor = Postgres(folder / "postgres", guardian, THROWAWAY)
    successor.start()
    assert not running(left)
    assert ask(successor, "SELECT 1") == 1


def test_a_failed_start_shows_the_log_and_leaves_nothing(folder: Path, guardian: Guardian) -> None:
    server = Postgres(folder / "postgres", guardian, THROWAWAY | {"shared_buffers": "nonsense"})
    with pytest.raises(StartFailed, match='invalid value for parameter "shared_buffers"'):
        server.start()
    assert processes_of(folder) == {}


def test_an_interrupted_first_start_is_started_over(server: Postgres) -> None:
    (server.home / "data.new").mkdir(parents=True)
    (server.home / "data.new" / "half").write_text("made")
    server.start()
    assert ask(server, "SELECT 1") == 1


def test_a_lost_password_file_is_named(server: Postgres, folder: Path, guardian: Guardian) -> None:
    server.start()
    server.stop()
    (server.home / "login.json").unlink()
    with pytest.raises(LocalError, match=r"login\.json is missing"):
        Postgres(folder / "postgres", guardian, THROWAWAY).start()


@pytest.mark.skipif(not AS_ROOT, reason="only root keeps folders from the server's account")
def test_data_and_programs_move_to_where_the_account_can_reach(
    folder: Path, guardian: Guardian, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, place = folder / "closed", folder / "place"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(postgres, "REACHABLE_PLACE", place)
    server = Postgres(closed / "postgres", guardian, THROWAWAY)
    monkeypatch.setattr(server, "_reaches", lambda tried: place in tried.parents)
    server.start()
    assert server.data.is_relative_to(place)
    assert server.binaries.is_relative_to(place)
    assert (server.home / "data").is_symlink()
    assert ask(server, "SELECT 1") == 1


def test_a_user_without_a_name_is_told_what_to_do(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "account", Account(54321, 54321))
    with pytest.raises(LocalError, match="User 54321 has no name on this machine"):
        server.start()


@pytest.mark.skipif(not AS_ROOT, reason="only root makes folders of other users")
def test_data_of_another_user_runs_as_that_user(server: Postgres, folder: Path, guardian: Guardian) -> None:
    server.start()
    server.stop()
    for path in [server.data, *server.data.rglob("*")]:
        os.chown(path, 4321, 4321)
    again = Postgres(folder / "postgres", guardian, THROWAWAY)
    again.start()
    assert Path(f"/proc/{again.pid}").stat().st_uid == 4321
