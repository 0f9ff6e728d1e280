"""Write BAI2 files for tests, in the many ways banks do; shares no code with the parser it tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

CREDITS = ("142", "165", "169", "175", "195", "275", "399")
DEBITS = ("409", "451", "475", "495", "555", "698")
CUSTOM_CREDITS = ("920", "959")
CUSTOM_DEBITS = ("960", "999")


@dataclass(frozen=True)
class Detail:
    type_code: str
    amount: int
    funds: tuple[str, ...] = ("",)
    bank_reference: str = ""
    customer_reference: str = ""
    text: str = ""

    @property
    def signed(self) -> int:
        return self.amount if self.type_code in CREDITS + CUSTOM_CREDITS else -self.amount


@dataclass(frozen=True)
class Account:
    number: str
    opening: int
    details: tuple[Detail, ...] = ()
    currency: str = ""
    more: tuple[tuple[str, int], ...] = ()

    @property
    def closing(self) -> int:
        return self.opening + sum(detail.signed for detail in self.details)


@dataclass(frozen=True)
class Group:
    as_of: dt.date
    accounts: tuple[Account, ...]
    originator: str = "021000089"
    currency: str = "USD"
    modifier: str = "2"


@dataclass(frozen=True)
class Layout:
    """How a bank likes to write: line ends, where it breaks records, its habits."""

    newline: str = "\n"
    bom: bool = False
    width: int = 0
    text_width: int = 0
    fixed: bool = False
    comma_before_slash: bool = False
    slash_after_text: bool = False
    text_on_new_record: bool = False


@dataclass
class _Out:
    layout: Layout
    rows: list[str] = field(default_factory=list)

    def plain(self, code: str, values: Sequence[str]) -> int:
        rows = _wrap(code, values, self.layout.width)
        tail = ",/" if self.layout.comma_before_slash and code == "03" else "/"
        self.rows += [row + "/" for row in rows[:-1]] + [rows[-1] + tail]
        return len(rows)

    def detail(self, detail: Detail) -> int:
        values = [detail.type_code, str(detail.amount), *detail.funds, detail.bank_reference, detail.customer_reference]
        rows = _wrap("16", values, self.layout.width)
        texts = _chunks(detail.text, self.layout.text_width)
        if not texts:
            rows = [row + "/" for row in rows]
        elif self.layout.text_on_new_record:
            rows = [row + "/" for row in rows] + [f"88,{text}" for text in texts]
        else:
            rows = [row + "/" for row in rows[:-1]] + [f"{rows[-1]},{texts[0]}"] + [f"88,{text}" for text in texts[1:]]
        if texts and self.layout.slash_after_text:
            rows[-1] += "/"
        self.rows += rows
        return len(rows)


def _wrap(code: str, values: Sequence[str], width: int) -> list[str]:
    rows = [code]
    for value in values:
        if width and len(rows[-1]) + len(value) + 3 > width and rows[-1] not in (code, "88"):
            rows.append("88")
        rows[-1] += "," + value
    return rows


def _chunks(text: str, width: int) -> list[str]:
    chunks: list[str] = []
    for word in text.split(" ") if text else []:
        if chunks and (not width or len(chunks[-1]) + len(word) < width):
            chunks[-1] += " " + word
        else:
            chunks.append(word)
    return chunks


def write(groups: Sequence[Group], layout: Layout | None = None) -> bytes:
    """Write groups as one file whose totals and counts are right."""
    out = _Out(layout or Layout())
    declared = str(out.layout.width) if out.layout.fixed else ""
    out.plain("01", ["BANKSENDER", "COVERPAY", "260105", "0600", "1", declared, "", "2"])
    totals = [_group(out, group) for group in groups]
    out.plain("99", [str(sum(totals)), str(len(groups)), str(len(out.rows) + 1)])
    if out.layout.fixed:
        return "".join(row.ljust(out.layout.width) for row in out.rows).encode()
    text = out.layout.newline.join([*out.rows, ""])
    return text.encode("utf-8-sig" if out.layout.bom else "utf-8")


def _group(out: _Out, group: Group) -> int:
    start = len(out.rows)
    as_of = group.as_of.strftime("%y%m%d")
    out.plain("02", ["COVERPAY", group.originator, "1", as_of, "2359", group.currency, group.modifier])
    total = sum(_account(out, account) for account in group.accounts)
    out.plain("98", [str(total), str(len(group.accounts)), str(len(out.rows) - start + 1)])
    return total


def _account(out: _Out, account: Account) -> int:
    summaries = [("010", account.opening), ("015", account.closing), *account.more]
    values = [account.number, account.currency]
    for code, amount in summaries:
        values += [code, str(amount), "", ""]
    records = out.plain("03", values) + sum(out.detail(detail) for detail in account.details) + 1
    total = sum(amount for _, amount in summaries) + sum(detail.amount for detail in account.details)
    out.plain("49", [str(total), str(records)])
    return total


# -- strategies ----------------------------------------------------------------------------------------------------

amounts = st.integers(0, 10**11)
references = st.one_of(st.just(""), st.text("AZ09-", max_size=12).map(lambda middle: f"R{middle}9"))
words = st.text("az09,./:-é", max_size=14).map(lambda middle: f"W{middle}z")
texts = st.lists(words, max_size=8).map(" ".join)


@st.composite
def details(draw: st.DrawFn, codes: Sequence[str] = CREDITS + DEBITS + CUSTOM_CREDITS + CUSTOM_DEBITS) -> Detail:
    amount = draw(amounts)
    first, second = sorted((draw(st.integers(0, amount)), draw(st.integers(0, amount))))
    funds = draw(
        st.sampled_from(
            [
                ("",),
                ("Z",),
                ("0",),
                ("1",),
                ("2",),
                ("V", "260109", ""),
                ("V", "260109", "1200"),
                ("S", str(first), str(second - first), str(amount - second)),
                ("D", "2", "0", str(first), "5", str(amount - first)),
            ]
        )
    )
    return Detail(draw(st.sampled_from(codes)), amount, funds, draw(references), draw(references), draw(texts))


@st.composite
def groups(
    draw: st.DrawFn, codes: Sequence[str] = CREDITS + DEBITS + CUSTOM_CREDITS + CUSTOM_DEBITS, custom: bool = True
) -> list[Group]:
    extras = [(), (("040", 12345), ("045", -678)), *([(("901", 7),)] if custom else [])]
    made = []
    for day in range(draw(st.integers(1, 3))):
        accounts = tuple(
            Account(
                number=f"44700{index}",
                opening=draw(st.integers(-(10**11), 10**12)),
                details=tuple(draw(st.lists(details(codes), max_size=6))),
                currency=draw(st.sampled_from(["", "USD", "JPY", "BHD"])),
                more=draw(st.sampled_from(extras)),
            )
            for index in range(draw(st.integers(1, 3)))
        )
        made.append(Group(dt.date(2026, 1, 4) + dt.timedelta(days=day), accounts))
    return made


layouts = st.one_of(
    st.builds(
        Layout,
        newline=st.sampled_from(["\n", "\r\n", "\r"]),
        bom=st.booleans(),
        width=st.sampled_from([0, 40, 80]),
        text_width=st.sampled_from([0, 20, 60]),
        comma_before_slash=st.booleans(),
        slash_after_text=st.booleans(),
        text_on_new_record=st.booleans(),
    ),
    st.builds(Layout, fixed=st.just(True), width=st.just(300), text_width=st.just(60)),
)
