"""Documents: every figure with its derivation, the same bytes each time, and no text that is markup."""

from __future__ import annotations

import datetime as dt
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from billing import documents, letters
from billing.letters import Addressee, Letter
from billing.models import Invoice, Notice
from coverpay.kernel import clock
from policies.models import Policy
from policies.parties import PartyDetails
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db
ODD_NAMES = [
    "#panic(1) #import \"x\"", "$a_1$ costs $5", "*bold* _it_ `raw`", "back\\slash \\ # [b] {c} <label> @ref //x /*y*/",
    "Surf 🏄 & Söhne <b>", "شركة التأمين الوطنية", "N" * 300, "two\x00\x07words\ud800", "",
]  # fmt: skip


def pages(made: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", made))


def text_of(letter: Letter) -> str:
    return letters.inputs(letter)["letter"]


def test_an_invoice_prints_as_two_pages_the_same_bytes_each_time_whatever_the_clock_says(house: House) -> None:
    invoice = books.billed(house)
    first = documents.invoice_pdf(invoice)
    with clock.frozen(dt.datetime(2027, 5, 5, tzinfo=dt.UTC)):
        again = documents.invoice_pdf(Invoice.objects.get(pk=invoice.id))
    assert first == again
    assert first.startswith(b"%PDF-")
    assert pages(first) == 2


def test_an_invoice_says_what_is_asked_paid_and_open_to_whom_and_by_when(house: House) -> None:
    invoice = books.billed(house)
    books.paid(house, invoice, amount_minor=500_000)
    letter = documents.invoice_letter(invoice)
    (asked,) = letter.sections
    assert [row[2:] for row in asked.rows] == [
        ["5,000.00", "0.00", "5,000.00", "0.00"],
        ["125.00", "0.00", "0.00", "125.00"],
        ["234.00", "0.00", "0.00", "234.00"],
    ]
    assert asked.totals == [["Total", "", "5,359.00", "0.00", "5,000.00", "359.00"]]
    assert letter.due is not None
    assert (letter.due.amount, letter.due.note) == ("359.00 USD", "Please pay by January 31, 2026")
    assert letter.recipient.name == "Aloha Foods"
    assert ("Term", "2026-01-31 to 2027-01-31") in letter.facts


def test_every_figure_of_an_invoice_says_how_it_came_about(house: House) -> None:
    letter = documents.invoice_letter(books.billed(house))
    tax = [reason for reason in letter.reasons if reason.of.startswith("Surplus lines tax")]
    assert [reason.amount for reason in tax] == ["468.00 USD", "468.00 USD"]
    assert "HRS 431:8-315" in tax[1].rule
    assert ("rate", "0.0468") in tax[1].inputs
    assert ("parts", "234.00 + 234.00") in tax[0].inputs
    assert letter.reasons[-1].formula == "premium + carrier fee + surplus lines tax"
    assert letter.reasons[-1].amount == "5,359.00 USD"


def test_a_paid_invoice_asks_for_nothing(house: House) -> None:
    invoice = books.billed(house)
    books.paid(house, invoice)
    due = documents.invoice_letter(Invoice.objects.get(pk=invoice.id)).due
    assert due == letters.Due("Amount due", "0.00 USD", "Paid in full; nothing is due. Thank you.")


@pytest.mark.parametrize("name", ODD_NAMES, ids=range(len(ODD_NAMES)))
def test_markup_in_a_name_is_only_a_name(name: str) -> None:
    letter = Letter(
        title="Invoice", number=name[:40], dated=dt.date(2026, 2, 2), sender=name, recipient=Addressee(name, [name]),
        facts=[(name, name)], due=letters.Due(name, "1.00", name), paragraphs=[name],
        sections=[letters.table(name, [letters.Column(name, wide=True)], [[name]], [name])],
        reasons=[letters.Reason(name, name, "1.00", name, [(name, name)], name)],
    )  # fmt: skip
    made = letters.pdf(letter)
    assert made == letters.pdf(letter)
    assert pages(made) >= 2
    assert len(letters.pictures(letter)) == pages(made)
    said = json.loads(text_of(letter))["recipient"]["name"]
    assert said == name.replace("\x00", "").replace("\x07", "").replace("\ud800", "")


def test_a_name_that_is_markup_looks_like_no_other_name() -> None:
    def picture(name: str) -> list[bytes]:
        return letters.pictures(
            Letter("Invoice", "1", dt.date(2026, 2, 2), "Sender", Addressee(name), facts=[]), ppi=72
        )

    assert picture("*Aloha*") != picture("Aloha")
    assert picture("$x$") != picture("x")
    assert picture('#"a"') != picture("a")


def test_letters_made_at_once_never_hold_each_others_words() -> None:
    asked = [
        Letter("Invoice", str(number), dt.date(2026, 2, 2), "Sender", Addressee(f"Payor {number}"), facts=[])
        for number in range(24)
    ]
    alone = [letters.pdf(letter) for letter in asked]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(letters.pdf, asked)) == alone
    assert len(set(alone)) == 24


def test_a_statement_prints_what_happened_between_two_days(house: House) -> None:
    invoice = books.billed(house, insured=PartyDetails(reference="S-1", name="#Aloha [Foods]"))
    books.paid(house, invoice, amount_minor=500_000)
    policy = Policy.objects.get(pk=invoice.policy_id)
    since, through = dt.date(2026, 2, 1), dt.date(2026, 2, 28)
    letter = documents.statement_letter(policy, since, through)
    (happened,) = letter.sections
    assert [row[3:] for row in happened.rows] == [
        ["", "0.00"], ["5,359.00", "5,359.00"], ["−5,000.00", "359.00"],
    ]  # fmt: skip
    assert happened.totals[0][-1] == "359.00"
    made = documents.statement_pdf(policy, since, through)
    assert (pages(made), made) == (1, documents.statement_pdf(policy, since, through))


def test_a_notice_prints_from_its_content_alone() -> None:
    content: documents.NoticeContent = {
        "sender": "Pacific MGA",
        "policy_number": "P-1",
        "insured": "Aloha Foods",
        "recipients": [
            {"name": "Aloha Foods", "role": "Insured", "lines": ["1 Main St", "Hilo, HI 96720"]},
            {"name": "First Bank", "role": "Mortgagee", "lines": ["2 Bank St"]},
        ],
        "wording": ["Your policy will be cancelled unless we receive the amount demanded."],
        "items": [{"description": "Invoice P-1-001", "due_on": "2026-01-31", "amount_minor": 6_224}],
        "computation": [
            {"figure": "equity date", "amount_minor": 6_224, "formula": "paid / daily_rate",
             "inputs": {"paid_minor": 400_00}, "rule": "equity", "citation": "CA INS 677.2"},
        ],
    }  # fmt: skip
    notice = Notice(
        kind="cancellation", prepared_on=dt.date(2026, 5, 6), cancel_on=dt.date(2026, 5, 19), demanded_minor=6_224,
        currency="USD", content=content, citation="Cal. Ins. Code 677.2",
    )  # fmt: skip
    letter = documents.notice_letter(notice)
    assert letter.due == letters.Due("Amount demanded", "62.24 USD", "Must be paid before May 19, 2026")
    assert [section.title for section in letter.sections] == ["What is past due", "Also sent to", "Rule"]
    assert letter.reasons[0].inputs == [("paid", "400.00")]
    assert documents.notice_pdf(notice) == documents.notice_pdf(notice)
