"""Who paid, where a bank names it apart from its texts: read from each format, and what tells two payments apart."""

from __future__ import annotations

import pytest

from billing import suspense
from billing.models import SuspenseItem
from coverpay.kernel.money import Money
from reconciliation import column_maps, matches
from reconciliation.imports import import_csv
from reconciliation.models import BankAccount, Break, Match, StatementLine
from reconciliation.statements import camt, ofx
from reconciliation.statements.csv_file import Given
from tests.reconciliation.test_camt import BASE as CAMT
from tests.reconciliation.test_ofx import BASE as OFX
from tests.support import bank
from tests.support.books import House

SPEC = {"date": "Date", "amount": "Amount", "description": ["Text"], "payer": "Who"}
NAMED = "<RltdPties><Dbtr><Nm>{}</Nm></Dbtr><Cdtr><Nm>{}</Nm></Cdtr></RltdPties>"


def _drawn(parties: str, content: str = CAMT) -> str:
    """The payer of the second line, which goes out."""
    place = "<InstrId>DRAW-0001</InstrId></Refs>"
    return camt.parse(content.replace(place, place + parties).encode()).statements[0].lines[1].payer


def test_camt_names_who_was_paid_and_a_reversal_keeps_the_parties_of_what_it_reverses() -> None:
    reversal, plain = CAMT, CAMT.replace("<RvslInd>true</RvslInd>", "")
    assert _drawn(NAMED.format("Harbor Pacific", "Tradewind"), plain) == "Tradewind"
    assert _drawn(NAMED.format("Acme Inc", "Harbor Pacific"), reversal) == "Acme Inc"
    assert _drawn("") == ""


def test_camt_names_nobody_for_a_batch_of_several() -> None:
    content = CAMT
    for number, name in (("PAYOUT-0001", "Acme Inc"), ("PAYOUT-0002", "Banyan Books")):
        mark = f"<EndToEndId>{number}</EndToEndId></Refs>"
        content = content.replace(mark, f"{mark}<RltdPties><Dbtr><Nm>{name}</Nm></Dbtr></RltdPties>")
    assert camt.parse(content.encode()).statements[0].lines[0].payer == ""


def test_ofx_takes_the_payee_and_not_the_words_of_the_transaction() -> None:
    name = "<NAME>SANDBOX &amp; CO\n"
    payee = "<PAYEE><NAME>Acme Inc<ADDR1>1 Way<CITY>Hilo<STATE>HI<POSTALCODE>96720<PHONE>5550100</PAYEE>\n"
    assert ofx.parse(OFX.encode()).statements[0].lines[0].payer == ""
    assert ofx.parse(OFX.replace(name, payee).encode()).statements[0].lines[0].payer == "Acme Inc"


@pytest.fixture
def account(house: House) -> BankAccount:
    return bank.account(house.operator)


def _paid(account: BankAccount, house: House, payor: str) -> None:
    suspense.record_unidentified(
        bank_account_id=account.id, source_id=f"DEP-{payor}", payor=payor, memo="", policy_reference="",
        amount=Money(80_000), received_on=bank.FIRST, actor=house.me,
    )  # fmt: skip


def _stated(account: BankAccount, house: House, *payers: str) -> None:
    """Import a CSV with 800.00 from each payer, the texts all alike, and match."""
    rows = "".join(f"{bank.FIRST},800.00,{payer},REMOTE DEPOSIT\n" for payer in payers)
    given = Given(opening_minor=0, closing_minor=80_000 * len(payers))
    columns = column_maps.publish(bank_account_id=account.id, name="Daily", spec=SPEC, actor=house.me)
    content = f"Date,Amount,Who,Text\n{rows}".encode()
    made = import_csv(content=content, file_name="a.csv", column_map_id=columns.id, given=given, actor=house.me)
    assert made.problems == []
    matches.run_matching(bank_account_id=account.id, actor=house.me)


@pytest.mark.django_db
def test_the_payer_tells_two_payments_of_one_amount_and_day_apart(account: BankAccount, house: House) -> None:
    for payor in ("Kona Coffee Growers", "Hilo Hardware"):
        _paid(account, house, payor)
    _stated(account, house, "HILO HARDWARE INC", "KONA COFFEE GROWERS LLC")
    pairs = {(row.statement_lines[0].payer, row.amount_minor) for row in Match.objects.all()}
    assert pairs == {("HILO HARDWARE INC", 80_000), ("KONA COFFEE GROWERS LLC", 80_000)}
    for row in Match.objects.all():
        (books,) = row.ledger_lines
        item = books.entry.source_id
        assert SuspenseItem.objects.get(pk=item).payor_name.split()[0].upper() in row.statement_lines[0].payer


@pytest.mark.django_db
def test_a_lone_pair_of_one_amount_whose_names_contradict_is_left_to_a_person(
    account: BankAccount, house: House
) -> None:
    _paid(account, house, "Kona Coffee Growers")
    _stated(account, house, "WAIPAHU ROOFING")
    assert not Match.objects.exists()
    line = StatementLine.objects.get()
    assert Break.objects.filter(subject_id=line.id, state="open").exists()
