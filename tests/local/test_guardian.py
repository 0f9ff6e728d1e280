"""The guardian knows every process a supervisor started, and ends them when it dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from coverpay.local.guardian import left_behind, running
from coverpay.local.process import Guardian, Process
from coverpay.local.programs import PROJECT
from tests.local.conftest import eventually, processes_of

STUBBORN = "trap '' TERM INT HUP; sleep 300 & echo ready; wait"
SUPERVISOR = f"""
import os, sys, time
from pathlib import Path
from coverpay.local.process import Guardian, Process
folder = Path(sys.argv[1])
guardian = Guardian()
for name in ("first", "second"):
    Process(name, guardian, folder / (name + ".log")).spawn(["/bin/sh", "-c", {STUBBORN!r}, str(folder)])
scratch = folder / "scratch"
scratch.mkdir()
guardian.remove_at_end(scratch)
while True:
    time.sleep(1)
"""


def test_the_register_lists_what_still_runs_oldest_first() -> None:
    lines = ["+ 11 TERM\n", "+ 12 INT\n", "~ /a folder\n", "- 11\n", "+ 13 TERM\n"]
    assert left_behind(lines) == ({12: signal.SIGINT, 13: signal.SIGTERM}, ["/a folder"])


def test_a_killed_supervisor_leaves_nothing_even_of_children_that_ignore_signals(folder: Path) -> None:
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(folder)], cwd=PROJECT)
    assert eventually(lambda: (folder / "scratch").exists() and len(processes_of(folder)) == 3)
    assert eventually(lambda: "ready" in (folder / "second.log").read_text())
    supervisor.kill()
    supervisor.wait()
    assert eventually(lambda: not processes_of(folder) and not (folder / "scratch").exists(), 30)


def test_stopping_asks_first_and_kills_the_group_after_the_bound(folder: Path, guardian: Guardian) -> None:
    process = Process("stubborn", guardian, folder / "log")
    process.spawn(["/bin/sh", "-c", STUBBORN, str(folder)])
    assert eventually(lambda: "ready" in process.tail())
    group = process.pid
    process.stop(patience_seconds=0.2)
    assert not running(group)
    assert not processes_of(folder)
    assert process.returncode is None


def test_a_process_that_ends_by_itself_is_seen_with_its_last_words(folder: Path, guardian: Guardian) -> None:
    process = Process("brief", guardian, folder / "log")
    (folder / "log").write_text("words of an earlier start\n")
    process.spawn(["/bin/sh", "-c", "echo last words; exit 3"])
    assert eventually(lambda: process.died)
    assert (process.returncode, process.tail()) == (3, "last words")


def test_a_child_inherits_none_of_our_input(folder: Path, guardian: Guardian) -> None:
    process = Process("reader", guardian, folder / "log")
    process.spawn(["/bin/sh", "-c", "readlink /proc/$$/fd/0; ls /proc/$$/fd"])
    assert process.wait(10) == 0
    assert process.tail().splitlines()[0] == os.devnull
