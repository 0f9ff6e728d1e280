"""Write CAMT.054 files for tests; shares no code with the parser it tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from tests.support.bank import BANK_ID, FIRST, MARK
from tests.support.camt_writer import decimal

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.054.001."


@dataclass(frozen=True)
class Told:
    """One entry in minor units, positive in, under the bank's own reference."""

    amount: int
    reference: str = ""
    text: str = ""
    state: str = "BOOK"
    on: dt.date = FIRST


def write(
    *notices: Sequence[Told], version: str = "02", mark: str = MARK, currency: str = "USD", number: str = "1",
    summary: bool = True,
) -> bytes:  # fmt: skip
    """Write one document with a notification for each list of entries; its totals are right."""
    body = "".join(_notice(told, version, mark, currency, summary) for told in notices)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}{version}">\n<BkToCstmrDbtCdtNtfctn>\n'
        f"<GrpHdr><MsgId>{number}</MsgId><CreDtTm>{FIRST}T12:00:00</CreDtTm></GrpHdr>\n{body}"
        "</BkToCstmrDbtCdtNtfctn>\n</Document>\n"
    ).encode()


def _notice(told: Sequence[Told], version: str, mark: str, currency: str, summary: bool) -> str:
    amounts = [entry.amount for entry in told]
    total = decimal(sum(map(abs, amounts)), currency)
    stated = f"<TtlNtries><NbOfNtries>{len(amounts)}</NbOfNtries><Sum>{total}</Sum></TtlNtries>"
    entries = "".join(_entry(entry, version, currency) for entry in told)
    return (
        f"<Ntfctn>\n<Id>N</Id><CreDtTm>{FIRST}T12:00:00</CreDtTm>\n"
        f"<Acct><Id><Othr><Id>{mark}</Id></Othr></Id><Ccy>{currency}</Ccy>"
        f"<Svcr><FinInstnId><ClrSysMmbId><MmbId>{BANK_ID}</MmbId></ClrSysMmbId></FinInstnId></Svcr></Acct>\n"
        f"{f'<TxsSummry>{stated}</TxsSummry>' if summary else ''}\n{entries}</Ntfctn>\n"
    )


def _entry(told: Told, version: str, currency: str) -> str:
    status = f"<Sts><Cd>{told.state}</Cd></Sts>" if version >= "04" else f"<Sts>{told.state}</Sts>"
    reference = f"<AcctSvcrRef>{escape(told.reference)}</AcctSvcrRef>" if told.reference else ""
    return (
        f'<Ntry>\n<Amt Ccy="{currency}">{decimal(told.amount, currency)}</Amt>\n'
        f"<CdtDbtInd>{'CRDT' if told.amount >= 0 else 'DBIT'}</CdtDbtInd>\n{status}\n"
        f"<BookgDt><Dt>{told.on.isoformat()}</Dt></BookgDt>\n{reference}\n"
        f"<AddtlNtryInf>{escape(told.text)}</AddtlNtryInf>\n</Ntry>\n"
    )


# -- strategies ----------------------------------------------------------------------------------------------------

entries = st.builds(
    Told,
    st.integers(-(10**10), 10**10),
    st.one_of(st.just(""), st.text("AZ09-&<", max_size=12).map(lambda middle: f"R{middle}9")),
    st.text("az09,./:&<>-é", max_size=10).map(lambda middle: f"W{middle}z"),
    st.sampled_from(["BOOK", "PDNG", "INFO"]),
)
notices = st.lists(st.lists(entries, max_size=5), min_size=1, max_size=3)
versions = st.sampled_from(["02", "03", "04", "05", "06", "07", "08"])
