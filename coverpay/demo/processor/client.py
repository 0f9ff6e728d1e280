"""Start, kill and steer a processor from a test or the demo."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parents[3]
TIMEOUT_SECONDS = 60


class Processor:
    """A processor in its own process; leaving the block kills it, and its books stay in the file."""

    module = "coverpay.demo.processor"

    def __init__(self, state: Path) -> None:
        self.state = state
        self.url = self.control = ""
        self._child: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._child is not None
        return self._child.pid

    def __enter__(self) -> Processor:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, at the same ports as before if it ran before."""
        ports = [str(urlsplit(url).port or 0) for url in (self.url, self.control)]
        command = [sys.executable, "-m", self.module, "--state", str(self.state)]
        self._child = subprocess.Popen(
            [*command, "--port", ports[0], "--control-port", ports[1], "--with-starter"],
            cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._child.stdout is not None
        told = json.loads(self._child.stdout.readline())
        self.url, self.control = told["url"], told["control"]

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            assert self._child.stdin is not None
            assert self._child.stdout is not None
            self._child.stdin.close()
            self._child.stdout.close()
            self._child = None

    def ask(self, wish: str, **facts: Any) -> Any:
        """One control call; see `control.py` for what there is."""
        address = urlsplit(self.control)
        assert address.hostname is not None
        line = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_SECONDS)
        try:
            line.request("POST", f"/{wish}", json.dumps(facts), {"Content-Type": "application/json"})
            answer = line.getresponse()
            told = json.loads(answer.read())
        finally:
            line.close()
        if answer.status != 200:
            raise AssertionError(f"the processor would not {wish}: {told}")
        return told

    def settle(self, account: str) -> int:
        """Let time pass until nothing more happens by itself. Gives how much did."""
        moved = 0
        while step := self.ask("finish", account=account)["moved"]:
            moved += step
        return moved
