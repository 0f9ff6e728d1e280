"""Start CoverPay's parts in order, watch them, and stop all of them whatever happens.

    with Stack(var) as stack:
        stack.start_stores()
        stack.manage("migrate")
        stack.start_programs()
        stack.watch()

`DATABASE_URL` or `REDIS_URL` in the environment take the place of our own Postgres or Valkey.
"""

import base64
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from coverpay.local import programs, secret_files
from coverpay.local.errors import CommandFailed, LocalError, MemberDied
from coverpay.local.lock import Lock
from coverpay.local.member import POLL_SECONDS, Member, free_port, is_free
from coverpay.local.postgres import Postgres
from coverpay.local.process import Guardian, Process, run_in_foreground
from coverpay.local.programs import PROJECT, Program
from coverpay.local.valkey import Valkey

DEFAULT_PORT = 8000
WATCH_SECONDS = 0.2


class Stack:
    """Own everything that runs from one folder of local state.

    Use it from the main thread. `postgres` and `valkey` are None when the environment names others.
    """

    def __init__(
        self,
        var: Path,
        environment: Mapping[str, str] = os.environ,
        postgres_settings: Mapping[str, str] | None = None,
        keep: bool = True,
    ) -> None:
        """Take the folder's lock; nothing is started yet. Unless `keep`, the folder goes when the stack stops.

        Raises: LocalError when another supervisor holds the folder, or we may not write there.
        """
        self.var = var.absolute()
        self.logs = self.var / "log"
        given = dict(environment)
        port = _web_port(given)
        _require_writable(self.var)
        self._lock = Lock(self.var / "lock")
        self._guardian = Guardian(keep_open=[self._lock.descriptor])
        self._jobs: list[Process] = []
        self.postgres = (
            None if given.get("DATABASE_URL") else Postgres(self.var / "postgres", self._guardian, postgres_settings)
        )
        self.valkey = None if given.get("REDIS_URL") else Valkey(self.var / "valkey", self._guardian)
        self.web = programs.Web(self._guardian, self.logs / "web.log", port)
        self.worker = programs.worker(self._guardian, self.logs / "worker.log")
        self.beat = programs.beat(self._guardian, self.logs / "beat.log", self.var / "beat-schedule")
        self._programs = (self.worker, self.beat, self.web)
        self.environment = given | self._local_settings(given)
        if not keep:
            self._guardian.remove_at_end(self.var, *(self.postgres.folders if self.postgres else ()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def members(self) -> Iterator[Member]:
        """Give every part in the order of starting."""
        return (part for part in (self.postgres, self.valkey, *self._programs) if part is not None)

    def start_stores(self) -> None:
        """Start Postgres and Valkey, and name them in the environment of everything started later."""
        if self.valkey is not None:
            self.valkey.start()
            self.environment["REDIS_URL"] = self.valkey.url
        if self.postgres is not None:
            self.postgres.start()
            self.environment["DATABASE_URL"] = self.postgres.url

    def start_programs(self) -> None:
        """Start worker, beat and web, and wait until all of them serve."""
        self.begin_programs(*self._programs)
        self.await_programs()

    def begin_programs(self, *parts: Program) -> None:
        """Start programs side by side, without waiting."""
        for part in parts:
            part.environment = self.environment
            part.begin()

    def await_programs(self) -> None:
        """Wait until all of them serve, and tell the lock's readers where."""
        for part in self._programs:
            part.await_ready()
        self._lock.tell(self.web.url)

    def begin_command(self, name: str, command: Sequence[str], *, shown: bool = False) -> Process:
        """Start a command of the project; its output is shown here or kept in a log."""
        job = Process(name, self._guardian, None if shown else self.logs / f"{name}.log")
        job.spawn(command, env=self.environment, cwd=PROJECT)
        self._jobs.append(job)
        return job

    def begin_manage(self, *arguments: str, shown: bool = False) -> Process:
        """Start a `manage.py` command."""
        return self.begin_command(arguments[0], [sys.executable, "manage.py", *arguments], shown=shown)

    def finish(self, job: Process) -> None:
        """Wait for a command's good end.

        Raises: CommandFailed with its exit code and the end of its log; MemberDied when a part ends meanwhile.
        """
        while (code := _wait(job)) is None:
            self.check()
        if code:
            where = f" The end of {job.log}:\n{job.tail()}" if job.log else ""
            raise CommandFailed(f"{job.name} failed with code {code}.{where}", code)

    def wait_for_words(self, job: Process, words: str) -> None:
        """Wait until a command has written these words to its log.

        Raises: CommandFailed when it ends before; MemberDied when a part ends meanwhile.
        """
        while words not in job.tail():
            self.check()
            if job.died:
                return self.finish(job)
            time.sleep(POLL_SECONDS)
        return None

    def manage(self, *arguments: str, shown: bool = False) -> None:
        """Run a `manage.py` command to its good end."""
        self.finish(self.begin_manage(*arguments, shown=shown))

    def run_in_foreground(self, command: Sequence[str]) -> int:
        """Run a command that shares our terminal and input; give its exit code."""
        return run_in_foreground(command, self._guardian, self.environment)

    def check(self) -> None:
        """Look after every part that was started.

        Raises: MemberDied with the end of the log of one that ended by itself.
        """
        for member in self.members:
            if member.process.died:
                code, tail = member.process.returncode, member.process.tail()
                raise MemberDied(f"{member.name} ended with code {code}. The end of {member.process.log}:\n{tail}")

    def watch(self) -> None:
        """Look after the parts until one ends by itself or a signal ends us.

        Raises: MemberDied.
        """
        while True:
            self.check()
            time.sleep(WATCH_SECONDS)

    def stop(self) -> None:
        """Stop commands and programs, then the stores they use; whatever is left then, the guardian kills."""
        try:
            for process in [*self._jobs, *(part.process for part in self._programs)]:
                process.ask_to_stop()
            for job in self._jobs:
                job.stop()
            for member in reversed(list(self.members)):
                member.stop()
        finally:
            self._guardian.close()
            self._lock.release()

    def _local_settings(self, given: Mapping[str, str]) -> dict[str, str]:
        """Give the settings that suit a machine of one's own; those already in the environment win."""
        settings = {
            "PUBLIC_URL": self.web.url,
            "WEBHOOKS_ALLOW_PRIVATE_TARGETS": "1",
            "HASHED_STATIC": "0" if given.get("DEBUG") else "1",
        }
        if self.postgres is not None:
            settings |= _secrets(self.var / "secrets.json")
        open_settings = {name: value for name, value in settings.items() if not given.get(name)}
        return open_settings | {"COVERPAY_VAR": str(self.var)}


def _secrets(path: Path) -> dict[str, str]:
    """Give this installation's keys, made once and kept beside the data they protect."""
    kept = secret_files.read(path)
    if not kept:
        vault_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        kept = {"SECRET_KEY": secrets.token_urlsafe(48), "VAULT_KEYS": vault_key}
        secret_files.write(path, kept)
    return kept


def _web_port(environment: Mapping[str, str]) -> int:
    """Give PORT, which must be free then, or 8000, or any free port."""
    asked = environment.get("PORT")
    if not asked:
        return free_port(DEFAULT_PORT)
    if not asked.isdigit() or not is_free(int(asked)):
        raise LocalError(f"PORT={asked} cannot be used: name a free port, or leave PORT unset to have one found.")
    return int(asked)


def _require_writable(var: Path) -> None:
    with suppress(PermissionError):
        var.mkdir(parents=True, exist_ok=True)
    if not os.access(var, os.W_OK | os.X_OK):
        raise LocalError(
            f"{var} cannot be written by this user. Run as its owner, or set COVERPAY_VAR to another folder."
        )


def _wait(job: Process) -> int | None:
    try:
        return job.wait(WATCH_SECONDS)
    except subprocess.TimeoutExpired:
        return None
