"""One process with one connection that writes postings when told: `python -m benchmarks.writer CONTENDER`.

Each line of input is a JSON order; each is answered by one JSON line. `prepare` makes the input of a round, `go` writes
it for as long as the round lasts.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

from benchmarks.contenders import CONTENDERS, OWNERS, Contender

BATCH = 1000


class Writer:
    """Carry out orders with one contender."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self.waiting: list[Any] = []
        self.write = contender.single

    def prepare(self, *, kind: str, accounts: str, count: int) -> dict[str, Any]:
        make = self.contender.make
        made = [make(random.randrange(OWNERS) if accounts == "spread" else 0) for _ in range(count)]
        self.waiting, self.write = made, self.contender.single
        if kind == "batch":
            self.waiting = [made[at : at + BATCH] for at in range(0, count, BATCH)]
            self.write = self.contender.batch
        return {"prepared": len(self.waiting)}

    def go(self, *, seconds: float) -> dict[str, Any]:
        written = 0
        begun = now = time.perf_counter()
        for one in self.waiting:
            self.write(one)
            written += len(one) if isinstance(one, list) else 1
            now = time.perf_counter()
            if now - begun >= seconds:
                break
        self.waiting = []
        return {"written": written, "seconds": now - begun}


def main() -> None:
    writer = Writer(CONTENDERS[sys.argv[1]]())
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(getattr(writer, order.pop("do"))(**order)), flush=True)


if __name__ == "__main__":
    main()
