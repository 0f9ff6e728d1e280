"""Write CSV statements for tests, in the many ways banks do; shares no code with the reader it tests."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True)
class Row:
    amount: int
    reference: str = ""
    text: str = ""


@dataclass(frozen=True)
class Layout:
    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    date_format: str = "%Y-%m-%d"
    two_columns: bool = False
    brackets: bool = False
    newest_first: bool = False
    newline: str = "\n"


HEADINGS = ["Date", "Amount", "Debit", "Credit", "Balance", "Reference", "Text"]


def figure(minor: int, how: Layout) -> str:
    digits = str(abs(minor)).rjust(3, "0")
    whole = f"{int(digits[:-2]):,}".replace(",", how.thousands)
    shown = f"{whole}{how.decimal}{digits[-2:]}"
    if minor >= 0:
        return shown
    return f"({shown})" if how.brackets else f"-{shown}"


def write(rows: tuple[Row, ...], opening: int, on: dt.date, how: Layout) -> bytes:
    """Write rows with a running balance, one day."""
    written, balance = [], opening
    for row in rows:
        balance += row.amount
        amounts = [figure(row.amount, how), "", ""]
        if how.two_columns:
            amounts = ["", figure(-row.amount, how) if row.amount < 0 else "", ""]
            amounts[2] = figure(row.amount, how) if row.amount >= 0 else ""
        written.append([on.strftime(how.date_format), *amounts, figure(balance, how), row.reference, row.text])
    if how.newest_first:
        written.reverse()
    out = io.StringIO()
    writer = csv.writer(out, delimiter=how.delimiter, lineterminator=how.newline)
    writer.writerows([HEADINGS, *written])
    return out.getvalue().encode()


# -- strategies ----------------------------------------------------------------------------------------------------

texts = st.text("az09,;\"' -é\n", max_size=20).map(lambda middle: f"W{middle}z")
rows = st.lists(
    st.builds(Row, st.integers(-(10**10), 10**10), st.sampled_from(["", "R-1", "A,B", 'Q"Q']), texts),
    min_size=1,
    max_size=8,
).map(tuple)
layouts = st.builds(
    Layout,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    decimal=st.just("."),
    thousands=st.sampled_from(["", ",", " ", "'"]),
    date_format=st.sampled_from(["%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%d-%b-%Y"]),
    two_columns=st.booleans(),
    brackets=st.booleans(),
    newest_first=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
)
