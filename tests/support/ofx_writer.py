"""Write OFX files for tests, in both notations; shares no code with the parser it tests."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from xml.sax.saxutils import escape

from hypothesis import strategies as st

SGML_HEADER = (
    "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n"
    "OLDFILEUID:NONE\nNEWFILEUID:NONE\n\n"
)
XML_HEADER = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
    '<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
)
PLACES = {"JPY": 0, "BHD": 3}


@dataclass(frozen=True)
class Transaction:
    amount: int
    check_number: str = ""
    name: str = ""
    memo: str = ""


@dataclass(frozen=True)
class Period:
    account: str
    end: dt.date
    closing: int
    transactions: tuple[Transaction, ...]
    currency: str = "USD"


@dataclass(frozen=True)
class Layout:
    xml: bool = False
    end_tags: bool = False
    newline: str = "\n"
    zone: str = "[-5:EST]"
    comma: bool = False


def decimal(minor: int, currency: str, point: str = ".") -> str:
    places = PLACES.get(currency, 2)
    digits = str(abs(minor)).rjust(places + 1, "0")
    shown = f"{digits[:-places]}{point}{digits[-places:]}" if places else digits
    return ("-" if minor < 0 else "") + shown


def write(period: Period, layout: Layout | None = None) -> bytes:
    """Write one account's period."""
    how = layout or Layout()
    point = "," if how.comma else "."
    moment = f"{period.end:%Y%m%d}120000.000{how.zone}"

    def element(name: str, text: str) -> str:
        end = f"</{name}>" if how.xml or how.end_tags else ""
        return f"<{name}>{escape(text)}{end}{how.newline}"

    def transaction(number: int, one: Transaction) -> str:
        parts = [
            element("TRNTYPE", "CREDIT" if one.amount >= 0 else "DEBIT"),
            element("DTPOSTED", moment),
            element("TRNAMT", decimal(one.amount, period.currency, point)),
            element("FITID", f"F{number}"),
        ]
        named = (("CHECKNUM", one.check_number), ("NAME", one.name), ("MEMO", one.memo))
        parts += [element(name, text) for name, text in named if text]
        return f"<STMTTRN>{how.newline}{''.join(parts)}</STMTTRN>{how.newline}"

    listed = "".join(transaction(number, one) for number, one in enumerate(period.transactions))
    account = element("BANKID", "021000089") + element("ACCTID", period.account) + element("ACCTTYPE", "CHECKING")
    status = f"<STATUS>{element('CODE', '0')}{element('SEVERITY', 'INFO')}</STATUS>"
    body = (
        f"<OFX>{how.newline}<SIGNONMSGSRSV1><SONRS>{status}{element('DTSERVER', moment)}{element('LANGUAGE', 'ENG')}"
        f"</SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS>{element('TRNUID', '1')}{status}<STMTRS>"
        f"{element('CURDEF', period.currency)}<BANKACCTFROM>{account}</BANKACCTFROM>"
        f"<BANKTRANLIST>{element('DTSTART', f'{period.end:%Y%m%d}')}{element('DTEND', f'{period.end:%Y%m%d}')}{listed}"
        f"</BANKTRANLIST><LEDGERBAL>{element('BALAMT', decimal(period.closing, period.currency, point))}"
        f"{element('DTASOF', moment)}</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>{how.newline}"
    )
    if how.xml:
        return (XML_HEADER + body).encode()
    return (SGML_HEADER.replace("\n", how.newline or "\n") + body).encode("utf-8")


# -- strategies ----------------------------------------------------------------------------------------------------

texts = st.text("az09,. /&<>-é", max_size=20).map(lambda middle: f"W{middle}z")
transactions = st.builds(
    Transaction,
    amount=st.integers(-(10**10), 10**10),
    check_number=st.sampled_from(["", "1001", "0042"]),
    name=st.one_of(st.just(""), texts),
    memo=st.one_of(st.just(""), texts),
)


def periods(currencies: tuple[str, ...] = ("USD", "JPY", "BHD")) -> st.SearchStrategy[Period]:
    return st.builds(
        Period,
        account=st.sampled_from(["4470001", "99-1"]),
        end=st.dates(dt.date(2020, 1, 1), dt.date(2040, 1, 1)),
        closing=st.integers(-(10**12), 10**12),
        transactions=st.lists(transactions, max_size=6).map(tuple),
        currency=st.sampled_from(currencies),
    )


layouts = st.builds(
    Layout,
    xml=st.booleans(),
    end_tags=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    zone=st.sampled_from(["", "[-5:EST]", "[0:GMT]", "[+5.30]", "[-5]"]),
    comma=st.booleans(),
)
