"""Write CAMT.053 files for tests, in the many ways banks do; shares no code with the parser it tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from hypothesis import strategies as st

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
ENTRY_TAG = f"{{{NAMESPACE}02}}Ntry"


@dataclass(frozen=True)
class Entry:
    """One movement in minor units, positive in, with the parts it is made of."""

    parts: tuple[int, ...]
    reference: str = ""
    text: str = ""
    pending: bool = False

    @property
    def amount(self) -> int:
        return sum(self.parts)


@dataclass(frozen=True)
class Day:
    number: str
    as_of: dt.date
    opening: int
    entries: tuple[Entry, ...]
    currency: str = "USD"

    @property
    def closing(self) -> int:
        return self.opening + sum(entry.amount for entry in self.entries if not entry.pending)


@dataclass(frozen=True)
class Layout:
    version: str = "02"
    prefix: str = ""
    newline: str = "\n"
    moments: bool = False
    summary: bool = True
    previous: bool = False
    padded: bool = False


PLACES = {"JPY": 0, "BHD": 3}


def decimal(minor: int, currency: str, *, padded: bool = False) -> str:
    places = PLACES.get(currency, 2)
    digits = str(abs(minor)).rjust(places + 1, "0")
    whole, decimals = (digits[:-places], digits[-places:]) if places else (digits, "")
    if padded:
        decimals = decimals.ljust(5, "0")
    return f"{whole}.{decimals}" if decimals else whole


def write(days: Sequence[Day], layout: Layout | None = None) -> bytes:
    """Write days as one document whose balances and totals are right."""
    how = layout or Layout()
    stated = how.newline.join(_day(day, how) for day in days)
    body = f'<Document xmlns="{NAMESPACE}{how.version}">{how.newline}<BkToCstmrStmt>{stated}</BkToCstmrStmt></Document>'
    if how.prefix:
        body = body.replace("</", "\0").replace("<", f"<{how.prefix}:").replace("\0", f"</{how.prefix}:")
        body = body.replace("xmlns=", f"xmlns:{how.prefix}=")
    return ('<?xml version="1.0" encoding="UTF-8"?>' + how.newline + body).encode()


def _money(minor: int, currency: str, how: Layout) -> str:
    shown = decimal(minor, currency, padded=how.padded)
    return f'<Amt Ccy="{currency}">{shown}</Amt><CdtDbtInd>{"CRDT" if minor >= 0 else "DBIT"}</CdtDbtInd>'


def _balance(kind: str, minor: int, day: Day, how: Layout) -> str:
    money = _money(minor, day.currency, how)
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{money}"
        f"<Dt><Dt>{day.as_of.isoformat()}</Dt></Dt></Bal>{how.newline}"
    )


def _day(day: Day, how: Layout) -> str:
    opening = _balance("PRCD" if how.previous else "OPBD", day.opening, day, how)
    entries = "".join(_entry(entry, day, how) for entry in day.entries)
    return (
        f"<Stmt><Id>{day.number}-{day.as_of}</Id><CreDtTm>{day.as_of}T23:59:00</CreDtTm>"
        f"<Acct><Id><Othr><Id>{day.number}</Id></Othr></Id><Ccy>{day.currency}</Ccy>"
        f"<Svcr><FinInstnId><{'BIC' if how.version < '03' else 'BICFI'}>TESTUS33</"
        f"{'BIC' if how.version < '03' else 'BICFI'}></FinInstnId></Svcr></Acct>{how.newline}"
        f"{opening}{_balance('CLBD', day.closing, day, how)}{_summary(day, how) if how.summary else ''}{entries}</Stmt>"
    )


def _summary(day: Day, how: Layout) -> str:
    amounts = [entry.amount for entry in day.entries]
    parts = []
    for name, some in (
        ("TtlNtries", amounts),
        ("TtlCdtNtries", [one for one in amounts if one >= 0]),
        ("TtlDbtNtries", [one for one in amounts if one < 0]),
    ):
        total = decimal(sum(map(abs, some)), day.currency, padded=how.padded)
        parts.append(f"<{name}><NbOfNtries>{len(some)}</NbOfNtries><Sum>{total}</Sum></{name}>{how.newline}")
    return f"<TxsSummry>{''.join(parts)}</TxsSummry>"


def _entry(entry: Entry, day: Day, how: Layout) -> str:
    state = "PDNG" if entry.pending else "BOOK"
    status = f"<Sts><Cd>{state}</Cd></Sts>" if how.version >= "04" else f"<Sts>{state}</Sts>"
    on = day.as_of.isoformat()
    booked = f"<DtTm>{on}T12:00:00-05:00</DtTm>" if how.moments else f"<Dt>{on}</Dt>"
    details = "".join(
        f"<TxDtls><Refs><EndToEndId>{escape(entry.reference) or 'NOTPROVIDED'}</EndToEndId></Refs>"
        f'<AmtDtls><TxAmt><Amt Ccy="{day.currency}">{decimal(part, day.currency)}</Amt></TxAmt></AmtDtls></TxDtls>'
        for part in entry.parts
    )
    return (
        f"<Ntry>{_money(entry.amount, day.currency, how)}{status}<BookgDt>{booked}</BookgDt>"
        f"<NtryDtls>{details}</NtryDtls><AddtlNtryInf>{escape(entry.text)}</AddtlNtryInf></Ntry>{how.newline}"
    )


# -- strategies ----------------------------------------------------------------------------------------------------

references = st.one_of(st.just(""), st.text("AZ09-&<", max_size=12).map(lambda middle: f"R{middle}9"))
texts = st.lists(st.text("az09,./:&<>-é", max_size=10).map(lambda middle: f"W{middle}z"), max_size=5).map(" ".join)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    sign = draw(st.sampled_from([1, -1]))
    parts = tuple(sign * part for part in draw(st.lists(st.integers(1, 10**10), min_size=1, max_size=4)))
    return Entry(parts, draw(references), draw(texts), draw(st.integers(0, 5)) == 0)


@st.composite
def days(draw: st.DrawFn) -> list[Day]:
    return [
        Day(
            f"44700{draw(st.integers(0, 3))}",
            dt.date(2026, 1, 4) + dt.timedelta(days=number),
            draw(st.integers(-(10**11), 10**12)),
            tuple(draw(st.lists(entries(), max_size=5))),
            draw(st.sampled_from(["USD", "JPY", "BHD"])),
        )
        for number in range(draw(st.integers(1, 3)))
    ]


layouts = st.builds(
    Layout,
    version=st.sampled_from(["02", "03", "04", "05", "06", "07", "08"]),
    prefix=st.sampled_from(["", "ns", "camt"]),
    newline=st.sampled_from(["", "\n", "\r\n"]),
    moments=st.booleans(),
    summary=st.booleans(),
    previous=st.booleans(),
    padded=st.booleans(),
)
