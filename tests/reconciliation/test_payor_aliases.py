"""What confirmed matches teach of payors: learnt once, counted, heard by matching, shown, retired, forgotten."""

from __future__ import annotations

import pytest

from billing import suspense
from compliance.models import AuditEntry
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid, NotFound
from coverpay.kernel.money import Money
from reconciliation import aliases, matches
from reconciliation.imports import import_statement
from reconciliation.matching import Alias, BankLine, BookLine
from reconciliation.models import BankAccount, Match, PayorAlias, StatementLine
from tests.support import bank, world
from tests.support.books import House

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(house: House) -> BankAccount:
    return bank.account(house.operator)


def _paid(account: BankAccount, house: House, payor: str, number: int, amount_minor: int = 800_00) -> int:
    """A deposit of a payor in the books. Gives: its cash line."""
    item = suspense.record_unidentified(
        bank_account_id=account.id, source_id=f"DEP-{number}", payor=payor, memo="", policy_reference="",
        amount=Money(amount_minor), received_on=bank.FIRST, actor=house.me,
    )  # fmt: skip
    return account.ledger_account.lines.get(entry__source_id=item.id).pk


def _stated(house: House, *texts: str, amount_minor: int = 800_00) -> list[str]:
    content = bank.statement(*[bank.line(amount_minor, "", text) for text in texts])
    assert import_statement(content=content, file_name="day.bai", actor=house.me).problems == []
    return list(StatementLine.objects.order_by("position").values_list("id", flat=True))


def _confirm(account: BankAccount, house: House, bank_line: str, *books: int) -> Match:
    return matches.confirm(
        bank_account_id=account.id, bank_line_ids=[bank_line], book_line_ids=books, reason="Called them.",
        actor=house.me,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "spelling"),
    [
        ("KONA COFEE GROWRS ACH CREDIT 8831", "COFEE GROWRS KONA"),
        ("Incoming Wire from ALOHA FODS, LLC REF 77/A", "ALOHA FODS"),
        ("ACH CREDIT 8831", ""),
        ("REMOTE DEPOSIT CAPTURE 0042", ""),
        ("", ""),
    ],
)
def test_numbers_and_words_of_the_bank_are_left_out(said: str, spelling: str) -> None:
    assert aliases.spelled(said) == spelling


def test_a_confirmed_match_teaches_once_and_is_counted(account: BankAccount, house: House) -> None:
    lines = _stated(house, "KONA COFEE ACH 1", "KONA COFEE ACH 2")
    books = [_paid(account, house, "Kona Coffee Growers", number) for number in (1, 2)]
    first = _confirm(account, house, lines[0], books[0])
    alias = PayorAlias.objects.get()
    assert (alias.normal_text, alias.party, alias.learnt_from) == ("COFEE KONA", "Kona Coffee Growers", first)
    assert (alias.bank_text, alias.times_seen) == ("KONA COFEE ACH 1", 1)
    _confirm(account, house, lines[1], books[1])
    alias.refresh_from_db()
    assert (PayorAlias.objects.count(), alias.times_seen, alias.learnt_from) == (1, 2, first)
    assert AuditEntry.objects.filter(action="payor_alias.learn").count() == 1


def test_nothing_is_learnt_of_several_parties_or_of_the_name_itself(account: BankAccount, house: House) -> None:
    lines = _stated(house, "REMOTE DEPOSIT HILO BRANCH", "KONA COFFEE GROWERS", amount_minor=800_00)
    two = [_paid(account, house, name, number, 400_00) for number, name in enumerate(("Hilo Co", "Maui Inc"))]
    _confirm(account, house, lines[0], *two)
    _confirm(account, house, lines[1], _paid(account, house, "Kona Coffee Growers", 7))
    assert not PayorAlias.objects.exists()


def test_what_an_alias_spoke_for_says_so(account: BankAccount, house: House) -> None:
    """Two payors of one amount on one day: only what was learnt tells which deposit is whose."""
    (line,) = _stated(house, "KONA COFEE ACH 1")
    _confirm(account, house, line, _paid(account, house, "Kona Coffee Growers", 1))
    alias = PayorAlias.objects.get()
    voices = aliases.Voices(house.operator.id)
    day, text = bank.FIRST, "KONA COFEE ACH 99"
    said = BankLine("b", account.id, 1, "USD", day, text=text)
    hers = BookLine("1", account.id, 1, "USD", day, party="Kona Coffee Growers")
    another = BookLine("2", account.id, 1, "USD", day, party="Hilo Co")
    assert voices.for_lines([said]) == [Alias(text, "Kona Coffee Growers")]
    assert voices.spoke([said], [hers]) == {
        "alias": {"id": alias.id, "bank": "COFEE KONA", "books": "Kona Coffee Growers"}
    }
    assert voices.spoke([said], [another]) == {}


def test_what_was_learnt_tells_two_payors_of_one_amount_apart(account: BankAccount, house: House) -> None:
    """Kona and Hilo both paid 800.00 on one day; the bank spells Kona wrong, as it did before."""
    lines = _stated(house, "KONA COFEE ACH 1", "KONA COFEE ACH 2")
    _confirm(account, house, lines[0], _paid(account, house, "Kona Coffee Growers", 1))
    hers, _ = _paid(account, house, "Kona Coffee Growers", 2), _paid(account, house, "Hilo Trading", 3)
    (match,) = matches.run_matching(bank_account_id=account.id, actor=house.me).matched
    assert [line.pk for line in match.ledger_lines] == [hers]
    assert match.inputs["alias"]["id"] == PayorAlias.objects.get().id


def test_a_retired_alias_no_longer_speaks_and_may_be_learnt_anew(account: BankAccount, house: House) -> None:
    lines = _stated(house, "KONA COFEE ACH 1", "KONA COFEE ACH 2")
    _confirm(account, house, lines[0], _paid(account, house, "Kona Coffee Growers", 1))
    alias = PayorAlias.objects.get()
    aliases.retire(alias_id=alias.id, reason="They merged.", actor=house.me)
    line = BankLine("b", account.id, 1, "USD", bank.FIRST, text="KONA COFEE ACH 1")
    assert aliases.Voices(house.operator.id).for_lines([line]) == []
    with pytest.raises(IllegalTransition):
        aliases.retire(alias_id=alias.id, reason="Again.", actor=house.me)
    _confirm(account, house, lines[1], _paid(account, house, "Kona Coffee Growers", 2))
    assert PayorAlias.objects.filter(ended_at=None).count() == 1


def test_undoing_the_match_forgets_what_it_taught(account: BankAccount, house: House) -> None:
    (line,) = _stated(house, "KONA COFEE ACH 1")
    match = _confirm(account, house, line, _paid(account, house, "Kona Coffee Growers", 1))
    matches.undo(match_id=match.id, reason="Another Kona.", actor=house.me)
    alias = PayorAlias.objects.get()
    assert alias.ended_reason == f"The match it was learnt from ({match.id}) was undone."


def test_only_who_may_write_retires_and_only_with_a_reason(account: BankAccount, house: House) -> None:
    (line,) = _stated(house, "KONA COFEE ACH 1")
    _confirm(account, house, line, _paid(account, house, "Kona Coffee Growers", 1))
    alias = PayorAlias.objects.get()
    for actor, refusal in (
        (bank.acting(world.organization()), NotFound),
        (bank.acting(house.operator, "viewer"), Forbidden),
    ):
        with pytest.raises(refusal):
            aliases.retire(alias_id=alias.id, reason="x", actor=actor)
    with pytest.raises(Invalid):
        aliases.retire(alias_id=alias.id, reason=" ", actor=house.me)
