"""BAI2: files written by an independent writer come back whole; spoiled ones are never taken for sound."""

from __future__ import annotations

import random
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.statements import parse
from reconciliation.statements.base import ParsedFile
from tests.reconciliation.test_bai2 import DATA
from tests.support import bai2_writer as writer

MUTANTS = 4_000


def _money(parsed: ParsedFile) -> list[tuple[int | None, int | None, list[int]]]:
    return [
        (statement.opening_minor, statement.closing_minor, [line.amount_minor for line in statement.lines])
        for statement in parsed.statements
    ]


@settings(max_examples=150)
@given(writer.groups(), writer.layouts)
def test_what_was_written_is_what_is_read(groups: list[writer.Group], layout: writer.Layout) -> None:
    parsed = parse(writer.write(groups, layout))
    assert parsed.problems == ()
    written = [(group, account) for group in groups for account in group.accounts]
    assert len(parsed.statements) == len(written)
    for statement, (group, account) in zip(parsed.statements, written, strict=True):
        assert (statement.account_identifier, statement.as_of) == (account.number, group.as_of)
        assert statement.currency == (account.currency or "USD")
        assert (statement.opening_minor, statement.closing_minor) == (account.opening, account.closing)
        for line, detail in zip(statement.lines, account.details, strict=True):
            assert (line.type_code, line.amount_minor) == (detail.type_code, detail.signed)
            assert line.bank_reference == detail.bank_reference
            assert line.customer_reference == detail.customer_reference
            assert line.text.replace("\n", " ") == detail.text


@given(writer.groups(), writer.layouts)
def test_availability_comes_back_as_written(groups: list[writer.Group], layout: writer.Layout) -> None:
    parsed = parse(writer.write(groups, layout))
    details = [detail for group in groups for account in group.accounts for detail in account.details]
    lines = [line for statement in parsed.statements for line in statement.lines]
    for line, detail in zip(lines, details, strict=True):
        kind, *more = detail.funds
        assert line.availability.funds_type == kind
        if kind in ("S", "D"):
            assert sum(part for _, part in line.availability.distribution) == detail.amount
        if kind == "V":
            assert line.value_date is not None
            assert f"{line.value_date:%y%m%d}" == more[0]


@given(st.binary(max_size=400))
def test_no_bytes_make_the_parser_raise(content: bytes) -> None:
    assert parse(content).problems
    assert parse(b"01," + content).problems


@given(st.text(alphabet="0123489S,DVZ/+-\n ", max_size=200))
def test_no_sequence_of_records_makes_the_parser_raise(body: str) -> None:
    assert parse(
        f"01,A,B,260105,0600,1,,,2/\n02,A,B,1,260104,,,/\n03,1,,{body}\n16,{body}\n88,{body}".encode()
    ).problems


def _mutate(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    fresh = chance.choice((string.printable + "٣é").encode()).to_bytes(1, "big")
    lines = content.splitlines(keepends=True)
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.randrange(8)
    if kind == 0:
        return content[:at] + fresh + content[at + 1 :]
    if kind == 1:
        return content[:at] + content[at + 1 :]
    if kind == 2:
        return content[:at] + fresh + content[at:]
    if kind == 3:
        return content[:at]
    if kind == 4:
        return b"".join(lines[:one] + lines[one + 1 :])
    if kind == 5:
        return b"".join(lines[: one + 1] + lines[one:])
    if kind == 6:
        lines[one], lines[other] = lines[other], lines[one]
        return b"".join(lines)
    fields = lines[one].rstrip(b"/\n").split(b",")
    chance.shuffle(fields)
    return b"".join([*lines[:one], b",".join(fields) + b"/\n", *lines[one + 1 :]])


def test_a_spoiled_file_is_reported_or_still_says_the_same_money() -> None:
    chance = random.Random(20260104)
    refused = 0
    for name in ("first_premium.bai", "two_days.bai"):
        original = (DATA / name).read_bytes()
        truth = {tuple(map(str, statement)) for statement in _money(parse(original))}
        for _ in range(MUTANTS // 2):
            mutant = _mutate(original, chance)
            parsed = parse(mutant)
            if parsed.problems:
                refused += 1
                continue
            # Only what no total guards may change: text, references, dates, the order of lines.
            assert {tuple(map(str, statement)) for statement in _money(parsed)} == truth or _reordered(parsed, original)
    assert refused > MUTANTS // 2


def _reordered(parsed: ParsedFile, original: bytes) -> bool:
    def in_order(money: ParsedFile) -> list[tuple[int | None, int | None, list[int]]]:
        return [(opening, closing, sorted(lines)) for opening, closing, lines in _money(money)]

    return sorted(map(str, in_order(parsed))) == sorted(map(str, in_order(parse(original))))
