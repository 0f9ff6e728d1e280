"""Imports on real connections: the same file twice at once, and a large one in little memory."""

from __future__ import annotations

import io
import os
import resource
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from billing.models import Installment
from policies import imports
from policies.models import Policy, PolicyImport
from tests.policies.test_imports import GOOD, HEADER, NEXT
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = int(os.environ.get("IMPORT_ROWS", "25"))
"""How many policies the longest import writes; IMPORT_ROWS=20000 takes minutes."""


def test_the_same_file_brought_at_once_is_imported_once(house: House) -> None:
    content = f"{HEADER}\n{GOOD}\n{NEXT}\n".encode()

    def bring() -> PolicyImport:
        return imports.import_policies(file=io.BytesIO(content), file_name="a.csv", actor=house.me)

    done = at_once(bring, bring, bring)
    assert len({each.id for each in done}) == 1
    assert Policy.objects.count() == 2


def test_two_files_with_one_number_at_once_bring_it_in_once(house: House) -> None:
    def bring(name: str) -> PolicyImport:
        line = GOOD.replace("Aloha Foods", name)
        return imports.import_policies(
            file=io.BytesIO(f"{HEADER}\n{line}\n".encode()), file_name="a.csv", actor=house.me
        )

    done = at_once(lambda: bring("One"), lambda: bring("Two"))
    assert sorted(each.state for each in done) == ["imported", "refused"]
    assert Policy.objects.count() == 1


class Rows(io.RawIOBase):
    """A file that is made as it is read, and is never in memory whole."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.left = b""
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        while len(self.left) < size and (line := next(self.lines, "")):
            self.left += line.encode() + b"\n"
        given, self.left = self.left[:size], self.left[size:]
        self.size += len(given)
        return given


def lines(count: int, premium: str, name: str = "Insured") -> Iterator[str]:
    yield HEADER
    for number in range(count):
        yield f"B-{number},hi,INS-{number},{name} {number},HI,2026-01-31,2027-01-31,{premium},halves,yes"


def brought(house: House, file: Rows) -> PolicyImport:
    return imports.import_policies(file=file, file_name="large.csv", actor=house.me)  # type: ignore[arg-type]


def test_a_large_file_is_read_as_a_stream_in_far_less_memory_than_its_size(house: House) -> None:
    file = Rows(lines(5_000, premium="ten", name="x" * 1_500))
    tracemalloc.start()
    done = brought(house, file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (done.row_count, done.problem_count) == (5_000, 5_000)
    assert file.size > 7_500_000
    assert peak < file.size / 3


def test_many_policies_are_written_whole(house: House) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    done = brought(house, Rows(lines(ROWS, premium="1000.25")))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{ROWS} rows in {time.monotonic() - began:.1f} s, {grown:.0f} MB more at most")  # noqa: T201
    assert done.policy_count == ROWS == Policy.objects.count()
    assert Installment.objects.count() == 2 * ROWS
    assert grown < 100
