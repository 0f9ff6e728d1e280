"""Start, watch and stop one child process, registered with a guardian that stops it if we cannot."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from coverpay.local import guardian as guardian_script
from coverpay.local.accounts import Account
from coverpay.local.errors import LocalError
from coverpay.local.guardian import kill_group

LOG_LIMIT_BYTES = 5_000_000
# The child writes its own line into the guardian's pipe (its standard input), then becomes the program.
REGISTER_THEN_RUN = 'echo "+ $$ $0" >&0 && exec "$@" </dev/null'
# The same for a program that keeps our standard input.
REGISTER_THEN_RUN_IN_FOREGROUND = """\
import os, sys
os.write(int(sys.argv[1]), b"+ %d TERM\\n" % os.getpid())
os.close(int(sys.argv[1]))
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Guardian:
    """Hold the pipe whose end tells `guardian.py` that this process is gone."""

    def __init__(self, keep_open: Sequence[int] = ()) -> None:
        """Start the guardian; it holds the descriptors in `keep_open` until its work is done."""
        read_end, self.pipe = os.pipe()
        command = [sys.executable, "-I", "-S", guardian_script.__file__]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=read_end,
                stdout=subprocess.DEVNULL,
                pass_fds=keep_open,
                start_new_session=True,
                cwd="/",
            )
        finally:
            os.close(read_end)

    @property
    def pid(self) -> int:
        """Give the guardian's process id."""
        return self._process.pid

    def forget(self, pid: int) -> None:
        """Strike out a process group that has ended, so that a reused id is never signalled."""
        self._write(f"- {pid}\n")

    def remove_at_end(self, *folders: Path) -> None:
        """Have temporary folders removed once everything is stopped."""
        for folder in folders:
            self._write(f"~ {folder}\n")

    def close(self) -> None:
        """Let the guardian stop what is still registered, and wait until it has."""
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1
            self._process.wait()

    def _write(self, line: str) -> None:
        with suppress(BrokenPipeError):
            os.write(self.pipe, line.encode())


def run_in_foreground(command: Sequence[str], guardian: Guardian, env: Mapping[str, str]) -> int:
    """Run a command that shares our terminal and input, to its end.

    Gives: its exit code, 128 + the signal's number when a signal ended it.
    """
    register = [sys.executable, "-I", "-S", "-c", REGISTER_THEN_RUN_IN_FOREGROUND, str(guardian.pipe)]
    child = subprocess.Popen([*register, *command], env=env, pass_fds=[guardian.pipe])
    try:
        code = child.wait()
    finally:
        child.kill()
        child.wait()
        guardian.forget(child.pid)
    return code if code >= 0 else 128 - code


class Process:
    """Be one program in a process group of its own, with its output in a log file (none: our own output)."""

    def __init__(self, name: str, guardian: Guardian, log: Path | None = None, stop_signal: str = "TERM") -> None:
        self.name = name
        self.log = log
        self.stop_signal = stop_signal
        self._guardian = guardian
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._asked = False

    @property
    def pid(self) -> int:
        """Give the process id, which is also its group's."""
        if self._child is None:
            raise LocalError(f"{self.name} is not running.")
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """Give how the process ended; None while it runs or before it was started."""
        return None if self._child is None else self._child.poll()

    @property
    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._child is not None and self._child.poll() is None

    @property
    def died(self) -> bool:
        """Tell whether the process ended without having been stopped here."""
        return self._child is not None and self._child.poll() is not None

    def spawn(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        account: Account | None = None,
    ) -> None:
        """Start the program; its standard input is empty."""
        if self.alive:
            raise LocalError(f"{self.name} already runs with pid {self.pid}.")
        self._asked = False
        with self._open_log() as output:
            self._child = subprocess.Popen(
                ["/bin/sh", "-c", REGISTER_THEN_RUN, self.stop_signal, *command],
                stdin=self._guardian.pipe,
                stdout=output,
                stderr=subprocess.STDOUT if self.log else None,
                env=None if env is None else dict(env),
                cwd=cwd,
                process_group=0,
                **(account.popen_arguments() if account else {}),
            )

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Wait for the program's own end.

        Gives:  its exit code.
        Raises: subprocess.TimeoutExpired.
        """
        if self._child is None:
            raise LocalError(f"{self.name} is not running.")
        code = self._child.wait(timeout_seconds)
        self._bury()
        return code

    def ask_to_stop(self) -> None:
        """Send the signal that stops it in good order, once, and do not wait."""
        if self._child is not None and not self._asked and self._child.poll() is None:
            self._asked = True
            self._child.send_signal(signal.Signals[f"SIG{self.stop_signal}"])

    def stop(self, patience_seconds: float = 10.0) -> None:
        """Ask the program to stop, wait, then kill what is left of its group; nothing happens when it is not there."""
        if self._child is None:
            return
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(patience_seconds)
        self.kill9()

    def kill9(self) -> None:
        """End it and all it started at once, as a power cut would."""
        if self._child is None:
            return
        kill_group(self._child.pid)
        self._child.wait()
        self._bury()

    def tail(self, lines: int = 20) -> str:
        """Give the last lines that the latest start wrote."""
        return "\n".join(self._written().splitlines()[-lines:])

    def wrote(self, words: str) -> bool:
        """Say whether the latest start wrote these words, however much it wrote since."""
        return words in self._written()

    def _written(self) -> str:
        if self.log is None or not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def _bury(self) -> None:
        if self._child is not None:
            self._guardian.forget(self._child.pid)
            self._child = None

    def _open_log(self) -> IO[bytes]:
        if self.log is None:
            return os.fdopen(os.dup(sys.__stdout__.fileno() if sys.__stdout__ else 1), "wb")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        full = self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if full else 0)
        log = os.fdopen(os.open(self.log, flags, 0o600), "ab")
        self._log_start = log.seek(0, os.SEEK_END)
        return log
