"""A break is resolved by a posting: the books get what they lack, the lines match, and the break is closed, at once."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from billing.models import SuspenseItem, TrustMovement
from compliance import explanations
from compliance.models import AuditEntry, EventRecord
from compliance.permissions import Permission
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.errors import Forbidden, IllegalTransition, NotFound
from payments import (
    accounts,
    announcements,
    attempts,
    break_resolutions,
    deposit_sweeps,
    resolution_previews,
    settlement,
)
from payments.break_resolutions import ResolvedOtherwise
from payments.collection import Wanted
from payments.deposits import Item
from payments.models import BreakResolution, Payout
from payments.resolution_previews import NotThisWay, Preview, Wish
from reconciliation import breaks, match_rules, matches, queries, trust
from reconciliation.ledger import balances
from reconciliation.ledger.models import Entry
from reconciliation.models import BankAccount, Break, Match
from tests.support import bank, books, resolving, world
from tests.support.books import House
from tests.support.deposits import taken_in
from tests.support.resolving import bank_fee, stated

pytestmark = pytest.mark.django_db


def resolve(house: House, found: Break, way: str, **said: Any) -> BreakResolution:
    wish = Wish(way, **said)
    return break_resolutions.resolve(break_id=found.id, wish=wish, reason="Read on the statement.", actor=house.me)


def preview(house: House, found: Break, way: str, **said: Any) -> Preview:
    return break_resolutions.preview(break_id=found.id, wish=Wish(way, **said), actor=house.me)


def posted(since: int) -> dict[tuple[str, str], int]:
    """What entries after the first `since` posted, by code and owner, debit positive."""
    legs: dict[tuple[str, str], int] = {}
    for entry in Entry.objects.order_by("id")[since:]:
        for line in entry.lines.select_related("account"):
            key = (line.account.code, line.account.owner)
            legs[key] = legs.get(key, 0) + line.amount_minor
    return legs


def legs(shown: Preview) -> dict[tuple[str, str], int]:
    return {(leg.code, leg.owner): leg.amount_minor for leg in shown.legs}


def settled(house: House, account: BankAccount | None = None) -> bool:
    """Whether nothing is open on the account, it ties to the cent, and the books hold."""
    account = account or house.bank
    shown = queries.balance_proof(account)
    assert shown is not None
    open_breaks = Break.objects.filter(bank_account=account, state="open").count()
    return open_breaks == 0 and shown.difference_minor == 0 and proof.check() == []


def test_a_bank_fee_on_trust_money_is_borne_by_operating_which_owes_it_back(house: House) -> None:
    found = bank_fee(house, 1_250)
    shown, before = preview(house, found, "bank_fee"), Entry.objects.count()
    made = resolve(house, found, "bank_fee")
    assert (
        posted(before)
        == legs(shown)
        == {
            ("bank_fees", ""): 1_250,
            ("due_to_trust", ""): -1_250,
            ("due_from_operating", ""): 1_250,
            ("trust_cash", house.bank.id): -1_250,
        }
    )
    assert settled(house)
    assert trust.position(house.book_id, "USD").due_from_operating_minor == 1_250
    match = Match.objects.get()
    assert (made.match, match.stage, match.amount_minor) == (match, "resolution", -1_250)
    found.refresh_from_db()
    assert (found.state, found.closed_reason) == (
        "closed",
        f"Settled by matching: bank fee posted, the lines are matched ({match.id}). Read on the statement.",
    )


def test_a_bank_fee_on_our_own_account_is_just_an_expense(house: House) -> None:
    own = resolving.operating(house)
    found = bank_fee(house, 900, own)
    shown, before = preview(house, found, "bank_fee"), Entry.objects.count()
    resolve(house, found, "bank_fee")
    assert posted(before) == legs(shown) == {("bank_fees", ""): 900, ("operating_cash", own.id): -900}
    assert settled(house, own)


def test_interest_on_trust_money_is_kept_apart_and_on_our_own_it_is_income(house: House) -> None:
    own = resolving.operating(house)
    for account, codes in ((house.bank, ("trust_cash", "interest_in_trust")), (own, ("operating_cash", ""))):
        (found,) = stated(house, bank.line(321, "", "INTEREST"), account=account)
        shown, before = preview(house, found, "interest"), Entry.objects.count()
        made = resolve(house, found, "interest")
        other = (codes[1], house.bank.id) if codes[1] else ("interest_income", "")
        assert posted(before) == legs(shown) == {(codes[0], account.id): 321, other: -321}
        assert settled(house, account)
        assert bool(made.made_id) == (account == house.bank)
    assert TrustMovement.objects.get().kind == "interest"


def test_a_deposit_nobody_knows_waits_in_suspense_with_what_the_bank_says_of_it(house: House) -> None:
    (found,) = stated(house, bank.line(50_000, "WIRE 7", "FROM A STRANGER"))
    shown, before = preview(house, found, "suspense"), Entry.objects.count()
    made = resolve(house, found, "suspense", payor="Aloha Foods")
    item = SuspenseItem.objects.get()
    assert (made.made_id, item.payor_name, item.memo) == (item.id, "Aloha Foods", "FROM A STRANGER")
    assert posted(before) == legs(shown) == {("trust_cash", house.bank.id): 50_000, ("suspense_cash", ""): -50_000}
    assert settled(house)


def test_a_returned_check_undoes_what_it_paid_and_its_line_matches(house: House) -> None:
    policy = books.billed(house).policy
    deposit = taken_in(house, Item(535_900, policy.number, "Aloha", "1001"), reference="D1")
    (item,) = deposit.items.all()
    assert item.state == "placed"
    found = next(
        each
        for each in stated(house, bank.line(535_900, "D1"), bank.line(-535_900, "", "RETURNED DEPOSITED ITEM"))
        if each.difference_minor == -535_900
    )
    assert resolution_previews.returnable(resolution_previews.find(found, house.bank)) == [item]
    shown = preview(house, found, "returned_item", deposit_item_id=item.id)
    assert legs(shown) == {("suspense_cash", ""): 535_900, ("trust_cash", house.bank.id): -535_900}
    made = resolve(house, found, "returned_item", deposit_item_id=item.id, why="nsf")
    item.refresh_from_db()
    assert (item.state, made.made_id, books.balance(house, "trust_cash")) == ("bounced", item.id, 0)
    assert books.balance(house, "premium_receivable") == 535_900, "what it paid is open again"
    assert proof.check() == []


def test_a_returned_check_of_an_announced_payment_matches_and_is_told_once(house: House) -> None:
    rules: list[dict[str, Any]] = [{"when": {"method": ["check"]}, "gateway": "manual"}, {"gateway": "sandbox"}]
    desk = accounts.open_account(gateway="manual", merchant="desk", bank_account_id=house.bank.id, actor=house.me)
    accounts.publish_routing(rules=rules, effective_from=books.SINCE, actor=house.me)
    invoice = books.billed(house)
    payment = announcements.announce(items=[Wanted(invoice.id)], method="check", note="by post", actor=house.me)
    attempts.submit(payment.attempts.get().id)
    item = taken_in(house, Item(535_900, payment.id, "Aloha", "1001"), reference="D1").items.get()
    (found,) = stated(house, bank.line(-535_900, "", "RETURNED DEPOSITED ITEM"))
    shown = preview(house, found, "returned_item", deposit_item_id=item.id)
    assert legs(shown) == {("processor_clearing", desk.id): 535_900, ("trust_cash", house.bank.id): -535_900}
    made = resolve(house, found, "returned_item", deposit_item_id=item.id)
    assert [line.amount_minor for line in made.match.ledger_lines] == [-535_900]
    payment.refresh_from_db()
    assert (payment.state, Payout.objects.get().reference) == ("returned", f"{item.id}:returned")
    deposit_sweeps.sweep()
    assert Payout.objects.filter(account=desk).count() == 2, "the deposit itself, and what went back: each told once"
    assert (books.balance(house, "trust_cash"), books.balance(house, "processor_clearing")) == (0, 0)
    assert proof.check() == []


def test_what_a_processor_kept_more_than_it_reported_is_its_fee_and_then_the_payout_ties(house: House) -> None:
    books.paid(house, books.billed(house))
    books.pay_out(house)
    (payout,) = settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)
    assert payout.amount_minor == 520_329
    (found,) = stated(house, bank.line(520_000, payout.reference))
    assert (found.kind, found.difference_minor) == ("amount_differs", -329)
    shown, before = preview(house, found, "merchant_fee"), Entry.objects.count()
    assert (shown.bank_minor, shown.books_minor) == (520_000, 520_329)
    made = resolve(house, found, "merchant_fee")
    assert (
        posted(before)
        == legs(shown)
        == {
            ("processor_fees", house.account.id): 329,
            ("due_to_trust", ""): -329,
            ("due_from_operating", ""): 329,
            ("trust_cash", house.bank.id): -329,
        }
    )
    assert sorted(line.amount_minor for line in made.match.ledger_lines) == [-329, 520_329]
    assert settled(house)


def test_a_fee_the_rules_know_kept_from_many_deposits_joins_them_all_as_one_match(house: House) -> None:
    rules = {"fee_terms": [{"name": "wire in", "fixed_minor": 300, "per": "deposit"}]}
    match_rules.publish(spec=rules, effective_from=books.SINCE, reason="Contract.", actor=house.me)
    for minor in range(1_001, 1_026):  # 25 deposits, which come to 253.25
        bank.received(house.bank, minor, "SLIP9", on=clock.today())
    (found,) = stated(house, bank.line(25_325 - 300, "SLIP9"))
    assert (found.kind, found.difference_minor) == ("fee_taken", -300)
    made = resolve(house, found, "bank_fee")
    assert [line.amount_minor for line in made.match.ledger_lines] == [*range(1_001, 1_026), -300]
    assert not Break.objects.filter(state="open").exists()


def test_a_difference_in_our_favour_waits_in_suspense(house: House) -> None:
    bank.received(house.bank, 10_000, "R1", on=clock.today())
    (found,) = stated(house, bank.line(10_001, "R1"))
    resolve(house, found, "suspense")
    assert SuspenseItem.objects.get().amount_minor == 1


def test_said_again_it_changes_nothing_and_another_way_is_refused(house: House) -> None:
    found = bank_fee(house)
    made = resolve(house, found, "bank_fee")
    before = (Entry.objects.count(), Match.objects.count(), AuditEntry.objects.count())
    assert resolve(house, found, "bank_fee") == made
    assert (Entry.objects.count(), Match.objects.count(), AuditEntry.objects.count()) == before
    with pytest.raises(ResolvedOtherwise):
        resolve(house, found, "returned_item")


def test_a_resolution_leaves_an_audit_entry_an_event_and_why(house: House) -> None:
    found = bank_fee(house)
    made = resolve(house, found, "bank_fee")
    noted = AuditEntry.objects.get(action="break.resolve")
    assert (noted.object_id, noted.after["resolution"], noted.reason) == (found.id, made.id, "Read on the statement.")
    event = EventRecord.objects.get(type="break.resolved")
    assert (event.object_id, event.data["way"], event.data["match"]) == (found.id, "bank_fee", made.match_id)
    (why,) = explanations.of(made.id)
    assert (why.amount_minor, why.formula) == (-1_250, "fee = books − bank")
    assert why.inputs == {"bank_minor": -1_250, "books_minor": 0, "difference_minor": -1_250}
    assert why.citation == "11 NYCRR 20.3(b)(4)"


@pytest.mark.parametrize(
    ("minor", "way"), [(-5, "interest"), (-5, "suspense"), (-5, "merchant_fee"), (5, "bank_fee"), (5, "returned_item")]
)
def test_a_way_that_does_not_fit_the_sign_is_refused_and_says_what_fits(house: House, minor: int, way: str) -> None:
    (found,) = stated(house, bank.line(minor))
    with pytest.raises(NotThisWay) as refused:
        resolve(house, found, way)
    assert refused.value.field == "way"
    assert "Bank fee".lower() in refused.value.message or "Interest".lower() in refused.value.message


def test_money_of_nobody_is_never_suspense_on_our_own_account(house: House) -> None:
    (found,) = stated(house, bank.line(5), account=resolving.operating(house))
    assert resolution_previews.ways_of(resolution_previews.find(found, found.bank_account)) == ["interest"]


def test_who_may_not_reconcile_and_handle_cash_resolves_nothing(house: House) -> None:
    found = bank_fee(house)
    for missing in (Permission.CASH_WRITE, Permission.RECONCILIATION_WRITE):
        actor = dataclasses.replace(house.me, permissions=house.me.permissions - {missing})
        with pytest.raises(Forbidden):
            break_resolutions.resolve(break_id=found.id, wish=Wish("bank_fee"), reason="x", actor=actor)
    with pytest.raises(NotFound):
        stranger = bank.acting(world.organization())
        break_resolutions.resolve(break_id=found.id, wish=Wish("bank_fee"), reason="x", actor=stranger)


def test_a_closed_break_and_one_whose_lines_moved_on_are_not_resolved(house: House) -> None:
    found = bank_fee(house)
    breaks.close(break_id=found.id, reason="Booked elsewhere.", actor=house.me)
    with pytest.raises(IllegalTransition):
        resolve(house, found, "bank_fee")
    with pytest.raises(IllegalTransition):
        preview(house, found, "bank_fee")


def test_news_of_a_sealed_day_is_posted_on_the_first_open_day(house: House) -> None:
    today = clock.today()
    found = bank_fee(house)
    clock.advance(dt.timedelta(days=3))
    balances.seal(book_id=house.book_id, as_of=today, actor=house.me)
    assert preview(house, found, "bank_fee").posted_on == today + dt.timedelta(days=1)
    assert resolve(house, found, "bank_fee").posted_on == today + dt.timedelta(days=1)
    assert Entry.objects.get(kind="bank_fee.charged").posted_on == today + dt.timedelta(days=1)


def test_a_match_that_is_undone_opens_the_bank_line_again(house: House) -> None:
    made = resolve(house, bank_fee(house), "bank_fee")
    matches.undo(match_id=made.match_id, reason="Another month's fee.", actor=house.me)
    kinds = dict(Break.objects.filter(state="open").values_list("kind", "difference_minor"))
    assert kinds == {"bank_only": -1_250}
    assert proof.check() == []
