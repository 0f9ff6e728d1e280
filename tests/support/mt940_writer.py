"""Write MT940 files for tests, in the many ways banks do; shares no code with the parser it tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

PLACES = {"JPY": 0, "BHD": 3}


@dataclass(frozen=True)
class Movement:
    amount: int
    reversal: bool = False
    reference: str = "NONREF"
    bank_reference: str = ""
    text: tuple[str, ...] = ()
    entered: bool = True


@dataclass(frozen=True)
class Day:
    account: str
    as_of: dt.date
    opening: int
    movements: tuple[Movement, ...]
    currency: str = "USD"

    @property
    def closing(self) -> int:
        return self.opening + sum(movement.amount for movement in self.movements)


@dataclass(frozen=True)
class Layout:
    newline: str = "\n"
    envelope: bool = True
    page: int = 100
    funds: bool = False
    available: bool = False


def write(days: Sequence[Day], layout: Layout | None = None) -> bytes:
    """Write days, each as a statement of as many pages as it needs."""
    how = layout or Layout()
    rows: list[str] = []
    for number, day in enumerate(days, start=1):
        balance = day.opening
        parts = [day.movements[at : at + how.page] for at in range(0, len(day.movements), how.page)] or [()]
        for page, part in enumerate(parts, start=1):
            closing = balance + sum(movement.amount for movement in part)
            rows += _message(day, number, (page, len(parts)), part, (balance, closing), how)
            balance = closing
    return (how.newline.join(rows) + how.newline).encode()


def _message(
    day: Day,
    number: int,
    page: tuple[int, int],
    part: Sequence[Movement],
    balances: tuple[int, int],
    how: Layout,
) -> list[str]:
    first, last = page[0] == 1, page[0] == page[1]
    rows = ["{1:F01TESTUS33AXXX0000000000}{2:I940TESTUS33XXXXN}{4:"] if how.envelope else []
    rows += [f":20:S{number}", f":25:021000089/{day.account}", f":28C:{number}/{page[0]}"]
    rows.append(f":60{'F' if first else 'M'}:{_balance(balances[0], day)}")
    for movement in part:
        rows += _movement(movement, day, how)
    rows.append(f":62{'F' if last else 'M'}:{_balance(balances[1], day)}")
    if how.available:
        rows.append(f":64:{_balance(balances[1], day)}")
    return rows + (["-}"] if how.envelope else [])


def _figure(minor: int, currency: str) -> str:
    places = PLACES.get(currency, 2)
    digits = str(abs(minor)).rjust(places + 1, "0")
    return f"{digits[:-places]},{digits[-places:]}" if places else f"{digits},"


def _balance(minor: int, day: Day) -> str:
    return f"{'C' if minor >= 0 else 'D'}{day.as_of:%y%m%d}{day.currency}{_figure(minor, day.currency)}"


def _movement(movement: Movement, day: Day, how: Layout) -> list[str]:
    incoming = movement.amount >= 0
    mark = ("RD" if incoming else "RC") if movement.reversal else ("C" if incoming else "D")
    funds = day.currency[2] if how.funds else ""
    entered = f"{day.as_of:%m%d}" if movement.entered else ""
    reference = movement.reference + (f"//{movement.bank_reference}" if movement.bank_reference else "")
    figure = _figure(movement.amount, day.currency)
    row = f":61:{day.as_of:%y%m%d}{entered}{mark}{funds}{figure}NTRF{reference}"
    text = [f":86:{movement.text[0]}", *movement.text[1:]] if movement.text else []
    return [row, *text]


# -- strategies ----------------------------------------------------------------------------------------------------

references = st.one_of(st.just("NONREF"), st.text("AZ09-", max_size=12).map(lambda middle: f"R{middle}9"))
texts = st.lists(st.text("az09,. /é", max_size=20).map(lambda middle: f"W{middle}z"), max_size=4).map(tuple)
movements = st.builds(
    Movement,
    amount=st.integers(-(10**10), 10**10).filter(bool),
    reversal=st.booleans(),
    reference=references,
    bank_reference=st.sampled_from(["", "BK1", "BK/2"]),
    text=texts,
    entered=st.booleans(),
)


@st.composite
def days(draw: st.DrawFn, currencies: Sequence[str] = ("USD", "JPY", "BHD")) -> list[Day]:
    return [
        Day(
            f"44700{draw(st.integers(0, 3))}",
            dt.date(2025, 12, 30) + dt.timedelta(days=number),
            draw(st.integers(-(10**11), 10**12)),
            tuple(draw(st.lists(movements, max_size=6))),
            draw(st.sampled_from(currencies)),
        )
        for number in range(draw(st.integers(1, 3)))
    ]


layouts = st.builds(
    Layout,
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    envelope=st.booleans(),
    page=st.sampled_from([1, 2, 100]),
    funds=st.booleans(),
    available=st.booleans(),
)
