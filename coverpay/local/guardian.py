"""Outlive the supervisor and stop whatever it leaves behind, even when it was killed with SIGKILL.

Run as a script in a session of its own. Standard input is a pipe whose other end only the supervisor holds, and, for
a moment, each process it starts: every one writes its own line before it turns into the real program. End of file
therefore means that the supervisor is gone and that every process it started is known here.

Lines:  `+ PID SIGNAL`  a process group to stop, asked first with SIGNAL
        `- PID`         that group has ended
        `~ FOLDER`      a temporary folder to remove at the end
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

PATIENCE_SECONDS = 5.0


def left_behind(lines: Iterable[str]) -> tuple[dict[int, int], list[str]]:
    """Read the register.

    Gives: the groups that still run, with the signal that stops each, oldest first; and the folders to remove.
    """
    groups: dict[int, int] = {}
    folders: list[str] = []
    for line in lines:
        verb, _, rest = line.rstrip("\n").partition(" ")
        if verb == "+":
            pid, name = rest.split()
            groups[int(pid)] = signal.Signals[f"SIG{name}"]
        elif verb == "-":
            groups.pop(int(rest), None)
        elif verb == "~":
            folders.append(rest)
    return groups, folders


def running(pid: int) -> bool:
    """Tell whether a process exists and is more than a zombie that nobody has collected."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """Give the processes that a process started, and theirs; some leave its group, as a database's sessions do."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
            parent = int(stat.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found[1:]


def kill_group(pid: int) -> None:
    """End a process, its group and all it started, at once."""
    started = descendants(pid)
    with suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    for each in (pid, *started):
        with suppress(OSError):
            os.kill(each, signal.SIGKILL)


def stop_group(pid: int, first: int, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Ask a group's leader to stop, wait, then kill whatever is left."""
    with suppress(OSError):
        os.kill(pid, first)
    deadline = time.monotonic() + patience_seconds
    while running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    kill_group(pid)


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups, folders = left_behind(sys.stdin.readlines())
    for pid in reversed(groups):
        stop_group(pid, groups[pid])
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
