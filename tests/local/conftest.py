"""Folders, guardians and command lines for the tests of the local stack."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from coverpay.local.guardian import running
from coverpay.local.process import Guardian
from coverpay.local.programs import PROJECT


@pytest.fixture
def guardian() -> Iterator[Guardian]:
    """A guardian that stops at the test's end whatever the test started."""
    made = Guardian()
    yield made
    made.close()


@pytest.fixture
def bare(folder: Path) -> dict[str, str]:
    """An environment in which CoverPay must start its own stores, in the folder."""
    dropped = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PORT")
    return {name: value for name, value in os.environ.items() if name not in dropped} | {"COVERPAY_VAR": str(folder)}


@pytest.fixture
def launch(bare: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -m coverpay.local ARGUMENTS`; it is killed at the test's end if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "coverpay.local", *arguments]
        pipe = subprocess.PIPE
        child = subprocess.Popen(command, cwd=PROJECT, env=bare | environment, stdout=pipe, stderr=pipe, text=True)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def processes_of(folder: Path) -> dict[int, str]:
    """Give every live process, but this one, that names the folder in its command or environment, or works in it."""
    needle = os.fsencode(folder)
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and running(int(entry.name)):
            with suppress(OSError):
                told = (entry / "cmdline").read_bytes()
                place = os.fsencode((entry / "cwd").readlink())
                if needle in told or needle in place or needle in (entry / "environ").read_bytes():
                    found[int(entry.name)] = told.replace(b"\0", b" ").decode(errors="replace")
    return found


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait for something to hold, and tell whether it came to."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def names_of(commands: Sequence[str]) -> set[str]:
    """Give the programs' names of command lines."""
    return {Path(command.split()[0]).name for command in commands if command.split()}
