"""Be one part of the local stack: begin, wait until it serves, stop, restart. A story test drives it by these verbs."""

import socket
import time
from abc import ABC, abstractmethod
from contextlib import closing

from coverpay.local.errors import StartFailed
from coverpay.local.process import Process

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.02
PORT_ATTEMPTS = 3


class Member(ABC):
    """Own one process: begin it, wait for it, end it."""

    ready_seconds = 60.0
    patience_seconds = 10.0

    def __init__(self, process: Process) -> None:
        self.process = process

    @property
    def name(self) -> str:
        """Give the name that messages use."""
        return self.process.name

    @property
    def pid(self) -> int:
        """Give the id of the first process, which is also its group's."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self.process.alive

    @abstractmethod
    def begin(self) -> None:
        """Start the process without waiting for it to serve."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Tell whether it serves now."""

    def await_ready(self) -> None:
        """Wait until it serves.

        Raises: StartFailed with the log's last lines; the process is stopped then.
        """
        deadline = time.monotonic() + self.ready_seconds
        while not (self.alive and self.is_ready()):
            late = time.monotonic() > deadline
            if late or not self.alive:
                reason = f"did not answer within {self.ready_seconds:.0f} s" if late else "ended while it started"
                tail = self.process.tail()
                self.stop()
                raise StartFailed(f"{self.name} {reason}. The end of {self.process.log}:\n{tail}")
            time.sleep(POLL_SECONDS)

    def start(self) -> None:
        """Start it and wait until it serves."""
        self.begin()
        self.await_ready()

    def stop(self) -> None:
        """Stop it in good order."""
        self.process.stop(self.patience_seconds)

    def kill9(self) -> None:
        """End it and its children at once, as a power cut would."""
        self.process.kill9()

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()


class Server(Member):
    """Listen on a port of our choice; another when somebody took it between the choice and the start."""

    port: int | None = None

    def start(self) -> None:
        """Start on a free port, the one used before when it can be had."""
        for attempts_left in reversed(range(PORT_ATTEMPTS)):
            self.port = free_port(self.port)
            try:
                super().start()
            except StartFailed as failure:
                if "Address already in use" not in str(failure) or not attempts_left:
                    raise
                self.port = None
            else:
                break

    def restart(self) -> None:
        """Stop it and start it again on the same port, which others hold the address of."""
        self.stop()
        super().start()


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the loopback port now."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """Give the preferred port when it is free, else one the system picks."""
    if preferred and is_free(preferred):
        return preferred
    with closing(socket.socket()) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
