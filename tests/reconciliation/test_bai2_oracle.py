"""BAI2: on well-formed files, an independent library (development only) reads the same figures."""

from __future__ import annotations

from typing import Any

from bai2 import bai2 as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.statements import parse
from reconciliation.statements.base import ParsedLine
from tests.reconciliation.test_bai2 import DATA
from tests.support import bai2_writer as writer

layouts = st.builds(
    writer.Layout,
    newline=st.sampled_from(["\n", "\r\n"]),
    text_width=st.sampled_from([0, 20, 60]),
    slash_after_text=st.booleans(),
)


def _of(line: ParsedLine) -> tuple[Any, ...]:
    return (
        line.type_code,
        abs(line.amount_minor),
        line.bank_reference,
        line.customer_reference,
        line.text.replace("\n", " "),
    )


def _of_theirs(detail: Any) -> tuple[Any, ...]:
    text = " ".join((detail.text or "").split())
    return (detail.type_code.code, detail.amount, detail.bank_reference or "", detail.customer_reference or "", text)


def _compare(content: bytes) -> int:
    ours, theirs = parse(content), oracle.parse_from_string(content.decode())
    assert ours.problems == ()
    accounts = [(group.header, account) for group in theirs.children for account in group.children]
    assert len(ours.statements) == len(accounts)
    for statement, (group, account) in zip(ours.statements, accounts, strict=True):
        assert statement.as_of == group.as_of_date
        assert statement.bank_id == group.originator_id
        assert statement.account_identifier == account.header.customer_account_number
        assert statement.currency == (account.header.currency or group.currency)
        balances = {item.type_code.code: item.amount for item in account.header.summary_items if item.type_code}
        assert (statement.opening_minor, statement.closing_minor) == (balances["010"], balances["015"])
        assert [_of(line) for line in statement.lines] == [_of_theirs(detail) for detail in account.children]
    return len(accounts)


@settings(max_examples=80)
@given(writer.groups(codes=writer.CREDITS + writer.DEBITS, custom=False), layouts)
def test_an_independent_reader_agrees(groups: list[writer.Group], layout: writer.Layout) -> None:
    _compare(writer.write(groups, layout))


def test_an_independent_reader_agrees_on_the_worked_example() -> None:
    assert _compare((DATA / "first_premium.bai").read_bytes()) == 1
