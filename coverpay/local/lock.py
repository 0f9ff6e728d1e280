"""Let one supervisor at a time own a folder of local state."""

import fcntl
import json
import os
import time
from pathlib import Path

from coverpay.local.errors import LocalError
from coverpay.local.guardian import running

CLEANING_SECONDS = 20.0


class Lock:
    """Hold a locked file that says who we are.

    The guardian inherits it: the lock is free only when what a killed supervisor left behind is stopped too.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises: LocalError naming the process that holds it and its address.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + CLEANING_SECONDS
        while not self._taken():
            holder = self._holder()
            if running(holder.get("pid", 0)) or time.monotonic() > deadline:
                os.close(self.descriptor)
                address = f" at {holder['address']}" if holder.get("address") else ""
                raise LocalError(
                    f"CoverPay already runs from {path.parent} (process {holder.get('pid', 'unknown')}{address}). "
                    "Stop it first with `make stop`, or set COVERPAY_VAR to another folder."
                )
            time.sleep(0.05)
        self.tell()

    def tell(self, address: str = "") -> None:
        """Write down who holds the lock, and where it serves."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps({"pid": os.getpid(), "address": address}).encode(), 0)

    def release(self) -> None:
        """Let the next one in."""
        if self.descriptor >= 0:
            os.ftruncate(self.descriptor, 0)
            os.close(self.descriptor)
            self.descriptor = -1

    def _taken(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> dict[str, int]:
        return holder(self.path)


def holder(path: Path) -> dict[str, int]:
    """Give the process id and address that the lock's holder wrote; nothing when it is free."""
    try:
        told: dict[str, int] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return told
