"""ACH files written and read, beside plain loops that cut and fill the same columns and check nothing."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Comparison
from payments.ach import reading
from payments.ach.layouts import check_digit
from payments.ach.reading import What
from payments.ach.rows import CHUNK
from payments.ach.writing import Batch, Item, Sender, Writer

ROUNDS = 7
ENTRIES = 100_000
LARGE = 500_000
BANKS = 5_000
TARGET = 0.4
MAX_RSS_MB = 50
HEADINGS = ["Entries", "File", "Write", "Read", "Memory"]
SENDER = Sender("121000358", "1234567890", "FIRST BANK", "COVERPAY", "12100035")
PREMIUM = Batch("COVERPAY", "1234567890", "PPD", "PREMIUM", dt.date(2026, 1, 5))
AT = dt.datetime(2026, 1, 2, 15, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Streamed:
    """One large file written and read as it comes, in a process of its own."""

    entries: int
    megabytes: int
    write_seconds: float
    read_seconds: float
    rss_mb: int

    @property
    def holds(self) -> bool:
        return self.rss_mb < MAX_RSS_MB

    def cells(self) -> list[str]:
        return [
            f"{self.entries:,}",
            f"{self.megabytes} MB",
            f"{self.entries / self.write_seconds:,.0f}/s",
            f"{self.entries / self.read_seconds:,.0f}/s",
            f"{self.rss_mb} MB",
        ]


def compare() -> list[Comparison]:
    """Write and read the same entries by us and by the plain loops, in turns."""
    items = list(_items(ENTRIES))
    figures: dict[str, list[float]] = {"write": [], "plain write": [], "read": [], "plain read": []}
    for _ in range(ROUNDS):
        seconds, text = _timed(lambda: _written(items))
        figures["write"].append(ENTRIES / seconds)
        seconds, plain = _timed(lambda: _written_plainly(items))
        figures["plain write"].append(ENTRIES / seconds)
        if [line for line in text.splitlines() if line[0] == "6"] != plain.splitlines():
            raise RuntimeError("the plain loop writes other entries than we do")
        content = text.encode()
        seconds, count = _timed(lambda content=content: _read(content))
        figures["read"].append(ENTRIES / seconds)
        seconds, rows = _timed(lambda content=content: _read_plainly(content))
        figures["plain read"].append(ENTRIES / seconds)
        if (count, len(rows)) != (ENTRIES, ENTRIES):
            raise RuntimeError(f"{count} entries read, {len(rows)} by the plain loop")
    return [
        Comparison(f"{what} {ENTRIES:,} entries", figures[what], "plain loop", figures[f"plain {what}"], TARGET)
        for what in ("write", "read")
    ]


def stream(entries: int = LARGE) -> Streamed:
    """Write and read a large file in a fresh process, so that the memory is its own."""
    command = [sys.executable, "-m", "benchmarks.nacha", str(entries)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Streamed(entries, int(said[0]), float(said[1]), float(said[2]), int(said[3]))  # seconds, no money


def _items(count: int) -> Iterator[Item]:
    banks = [bank + check_digit(bank) for bank in (f"{1210 + n % 700:04}{n:04}" for n in range(BANKS))]
    for n in range(count):
        yield Item("27", banks[n % BANKS], f"{n:010}", 1_000 + n, f"POL-{n}", f"Insured {n}")


def _timed(work):
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _written(items: list[Item]) -> str:
    out: list[str] = []
    writer = Writer(out.append, SENDER, created_at=AT, modifier="A")
    writer.batch(PREMIUM, items)
    writer.close()
    return "".join(out)


def _written_plainly(items: list[Item]) -> str:
    out: list[str] = []
    hashed = summed = 0
    for sequence, (code, routing, account, amount, receiver, name, said, _) in enumerate(items, 1):
        out.append(
            f"6{code}{routing}{account:<17}{amount:010}{receiver:<15}{name:<22}{said:<2}012100035{sequence:07}\n"
        )
        hashed += int(routing[:8])
        summed += amount
    return "".join(out)


def _read(content: bytes) -> int:
    chunks = (content[begin : begin + CHUNK] for begin in range(0, len(content), CHUNK))
    return sum(event.what is What.ENTRY for event in reading.events(chunks))


def _read_plainly(content: bytes) -> list[tuple[str, str, str, int, str, str, str, str, str]]:
    rows = []
    hashed = summed = 0
    for line in content.decode().split("\n"):
        if line[:1] == "6":
            amount = int(line[29:39])
            rows.append(
                (line[1:3], line[3:12], line[12:29].rstrip(), amount, line[39:54].rstrip(), line[54:76].rstrip(),
                 line[76:78].rstrip(), line[78], line[79:])
            )  # fmt: skip
            hashed += int(line[3:11])
            summed += amount
    return rows


def _streamed(count: int) -> None:
    """Print megabytes, seconds to write, seconds to read, and the most memory this process ever had."""
    held: list[bytes] = []
    spent = {"write": 0.0}
    size = 0
    writer = Writer(lambda text: held.append(text.encode()), SENDER, created_at=AT, modifier="A")
    items = _items(count)

    def chunks() -> Iterator[bytes]:
        nonlocal size
        left = count
        while left >= 0:
            began = time.perf_counter()
            if left:
                part = min(left, 5_000)
                writer.batch(PREMIUM, (next(items) for _ in range(part)))
                left -= part
            else:
                writer.close()
                left = -1
            spent["write"] += time.perf_counter() - began
            size += sum(len(piece) for piece in held)
            yield from held
            held.clear()

    began = time.perf_counter()
    seen = sum(event.what is What.ENTRY and not event.problems for event in reading.events(chunks()))
    whole = time.perf_counter() - began
    if seen != count:
        raise RuntimeError(f"{seen} of {count} entries came back")
    rss_mb = _most_memory_kb() // 1024
    print(size // 10**6, f"{spent['write']:.3f}", f"{whole - spent['write']:.3f}", rss_mb)


def _most_memory_kb() -> int:
    """The most this process ever had. `getrusage` would count what its parent had when it was forked."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


if __name__ == "__main__":
    _streamed(int(sys.argv[1]))
