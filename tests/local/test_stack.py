"""The stack as a whole: what it starts, what it leaves alone, and that nothing of it stays behind."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from coverpay.local.errors import LocalError, MemberDied
from coverpay.local.programs import PROJECT
from coverpay.local.stack import Stack
from tests.local.conftest import eventually, names_of, processes_of

Launch = Callable[..., subprocess.Popen[str]]
ELSEWHERE = {"DATABASE_URL": "postgres://somebody@db.example/theirs", "REDIS_URL": "redis://broker.example/0"}
SHOW = "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])"

USE_BOTH = """
import os, psycopg, redis
psycopg.connect(os.environ["DATABASE_URL"])
redis.from_url(os.environ["REDIS_URL"]).ping()
"""


def is_up(folder: Path) -> bool:
    return {"postgres", "valkey-server", "sleep"} <= names_of(list(processes_of(folder).values()))


def test_a_command_finds_both_stores_and_gives_its_exit_code(launch: Launch, folder: Path) -> None:
    child = launch("run", "--", sys.executable, "-c", f"{USE_BOTH}raise SystemExit(7)")
    assert (child.wait(), child.communicate()) == (7, ("", ""))
    assert processes_of(folder) == {}


def test_stores_named_in_the_environment_win_and_nothing_is_started(launch: Launch, folder: Path) -> None:
    child = launch("run", "--", sys.executable, "-c", SHOW, **ELSEWHERE)
    shown, _ = child.communicate()
    assert shown.split() == list(ELSEWHERE.values())
    assert not (folder / "postgres").exists()
    assert not (folder / "valkey").exists()


def test_a_second_start_finds_the_data_of_the_first(launch: Launch) -> None:
    connect = "import os, psycopg; c = psycopg.connect(os.environ['DATABASE_URL'], autocommit=True)"
    first = launch(
        "run", "--", sys.executable, "-c", f"{connect}; c.execute('CREATE TABLE kept AS SELECT 7 AS figure')"
    )
    assert first.wait() == 0
    second = launch("run", "--", sys.executable, "-c", f"{connect}; print(c.execute('TABLE kept').fetchone())")
    assert second.communicate() == ("(7,)\n", "")


def test_fresh_stores_vanish_with_the_command(launch: Launch, folder: Path) -> None:
    child = launch("run", "--fresh", "--", sys.executable, "-c", "import os; print(os.environ['COVERPAY_VAR'])")
    shown, _ = child.communicate()
    assert Path(shown.strip()).parent == folder
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_no_signal_leaves_a_process_behind(launch: Launch, folder: Path, ending: signal.Signals) -> None:
    child = launch("run", "--", "sleep", "300")
    assert eventually(lambda: is_up(folder))
    child.send_signal(ending)
    code = child.wait()
    assert code == (-ending if ending is signal.SIGKILL else 128 + ending)
    assert eventually(lambda: not processes_of(folder), 30 if ending is signal.SIGKILL else 0)


def test_a_signal_while_the_stores_start_leaves_nothing(launch: Launch, folder: Path) -> None:
    child = launch("demo", "--no-serve")
    assert eventually(lambda: (folder / "postgres" / "data.new").exists())
    child.send_signal(signal.SIGINT)
    assert child.wait() == 128 + signal.SIGINT
    assert processes_of(folder) == {}


def test_a_failed_step_stops_everything_and_shows_why(launch: Launch, folder: Path) -> None:
    child = launch("demo", "--no-serve", DJANGO_SETTINGS_MODULE="coverpay.settings_that_are_not_there")
    assert child.wait() == 1
    _, complaint = child.communicate()
    assert re.search(r"(prepare|collectstatic) failed with code 1", complaint)
    assert "settings_that_are_not_there" in complaint
    assert processes_of(folder) == {}


def test_a_second_supervisor_is_refused_with_the_firsts_number(launch: Launch, folder: Path) -> None:
    first = launch("run", "--", "sleep", "300")
    assert eventually(lambda: is_up(folder))
    second = launch("run", "--", "true")
    assert second.wait() == 1
    assert f"already runs from {folder} (process {first.pid})" in second.communicate()[1]
    assert launch("stop").wait() == 0
    assert first.wait() == 128 + signal.SIGTERM


def test_a_folder_is_taken_over_once_a_killed_supervisors_processes_are_gone(launch: Launch, folder: Path) -> None:
    first = launch("run", "--", "sleep", "300")
    assert eventually(lambda: is_up(folder))
    first.kill()
    second = launch("run", "--", sys.executable, "-c", "print('in')")
    assert second.communicate() == ("in\n", "")


def test_a_program_that_dies_ends_the_watch_with_its_log(folder: Path) -> None:
    with Stack(folder, ELSEWHERE | {"PATH": os.environ["PATH"], "REDIS_URL": "redis://127.0.0.1:1/0"}) as stack:
        stack.beat.environment = stack.environment
        stack.beat.start()
        os.kill(stack.beat.pid, signal.SIGKILL)
        with pytest.raises(MemberDied, match=r"beat ended with code -9(.|\n)*beat: Starting"):
            stack.watch()
    assert processes_of(folder) == {}


def test_a_port_that_was_asked_for_must_be_free(folder: Path) -> None:
    with pytest.raises(LocalError, match="PORT=1x cannot be used"):
        Stack(folder, {"PORT": "1x"})
    assert list(folder.iterdir()) == []


def test_keys_are_made_once_and_kept_for_their_owner_only(folder: Path) -> None:
    keys = []
    for _start in range(2):
        with Stack(folder, {}) as stack:
            keys.append((stack.environment["SECRET_KEY"], stack.environment["VAULT_KEYS"]))
    assert keys[0] == keys[1]
    assert len(keys[0][0]) > 50
    assert (folder / "secrets.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_an_ordinary_user_runs_both_stores(folder: Path, bare: dict[str, str]) -> None:
    os.chown(folder, 65534, 65534)
    python = next(name for name in (sys.executable, "/usr/bin/python3") if _nobody_can_run(name))
    environment = bare | {"PYTHONPATH": f"{PROJECT}:{sysconfig.get_path('purelib')}", "HOME": str(folder)}
    command = [python, "-m", "coverpay.local", "run", "--", "/bin/sh", "-c", "id -u; echo $DATABASE_URL"]
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, user=65534, group=65534)
    assert done.stderr == ""
    assert done.stdout.startswith("65534\npostgres://coverpay:")
    assert (folder / "postgres" / "data").stat().st_uid == 65534
    assert processes_of(folder) == {}


def _nobody_can_run(python: str) -> bool:
    command = ["/bin/sh", "-c", '"$0" -c pass', python]
    return subprocess.run(command, user=65534, group=65534, extra_groups=[], capture_output=True).returncode == 0
