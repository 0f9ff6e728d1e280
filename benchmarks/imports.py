"""Files of policies: a very large one with broken rows that must be refused, and one that is written whole."""

from __future__ import annotations

import io
import itertools
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, cast

from benchmarks import book
from policies import imports
from policies.models import PolicyImport

BROKEN_ROWS = 1_000_000
LARGE = 10_000_000
GOOD_ROWS = 20_000
EVERY = 1_000
MAX_RSS_MB = 500
COLUMNS = "policy_number,program,insured_reference,insured_name,state,effective_on,expires_on,premium,plan,bind"
HEADINGS = ["File", "Rows", "Problems", "Took", "Rows/s", "Memory"]


class Rows(io.RawIOBase):
    """A file that is made as it is read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size and (more := b"".join(itertools.islice(self._lines, 500))):
            self._left += more
        given, self._left = self._left[:size], self._left[size:]
        return given


@dataclass(frozen=True, slots=True)
class Brought:
    """One file brought in, or refused."""

    what: str
    done: PolicyImport
    seconds: float
    rss_mb: int

    @property
    def holds(self) -> bool:
        return self.rss_mb < MAX_RSS_MB

    def cells(self) -> list[str]:
        rows, problems = self.done.row_count, self.done.problem_count
        speed = f"{rows / self.seconds:,.0f}/s"
        return [self.what, f"{rows:,}", f"{problems:,}", f"{self.seconds:.0f} s", speed, f"{self.rss_mb} MB"]


def run(*, large: bool = False) -> list[Brought]:
    """Bring in both files."""
    house = book.open_house("bench-imports")
    count = LARGE if large else BROKEN_ROWS
    return [
        _bring(house, "good, all bound, written", GOOD_ROWS, every=0),
        _bring(house, "one row in 1,000 broken, refused", count, every=EVERY),
    ]


def _bring(house: book.House, what: str, count: int, *, every: int) -> Brought:
    print(f"importing {count:,} rows ({what}) ...", file=sys.stderr, flush=True)
    file = cast(IO[bytes], Rows(_lines(count, every)))
    began = time.perf_counter()
    done = imports.import_policies(file=file, file_name=f"{count}.csv", actor=house.actor)
    seconds = time.perf_counter() - began
    if (done.state == PolicyImport.State.REFUSED) != bool(every) or done.row_count != count:
        raise RuntimeError(f"{done.state}, {done.row_count} rows, {done.problem_count} problems")
    return Brought(what, done, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def _lines(count: int, every: int) -> Iterator[bytes]:
    """Rows with a premium that cannot be read, or a number that stands before, at each `every`-th place."""
    kind = "B" if every else "G"
    yield f"{COLUMNS}\n".encode()
    for n in range(1, count + 1):
        broken = bool(every) and n % every == 0
        premium = "ten" if broken and n % (2 * every) else "1000.25"
        number = n - 1 if broken and not n % (2 * every) else n
        yield (f"{kind}-{number},hi,{kind}-{n},Insured {n},HI,2026-01-31,2027-01-31,{premium},twelve,yes\n").encode()
