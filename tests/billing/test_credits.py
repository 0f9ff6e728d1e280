"""What a change leaves billed in excess is credited; what was paid of it is unapplied, carried or owed."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db.models import Sum

from billing import cash, invoices
from billing.models import Application, Invoice, LineCredit, ReturnPremium, Schedule
from compliance import explanations
from coverpay import books as proof
from policies import endorsements, reinstatements, renewals, rewrites
from policies.endorsements import EndorsementRequest
from policies.models import Policy
from policies.reinstatements import ReinstatementRequest
from policies.renewals import RenewalRequest
from policies.rewrites import RewriteRequest
from tests.support import books, plain
from tests.support.books import House
from tests.support.changes import on
from tests.support.plain import DAY_100
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
END = dt.date(2026, 12, 31)


def unapplied(policy: Policy) -> int:
    return cash.waiting_minor(policy)


def ties(house: House) -> bool:
    return proof.check() == [] and differences(house) == []


def test_commission_is_clawed_back_at_the_rate_it_was_paid(house: House) -> None:
    """10,000 x 265/365 = 7,260.27; commission 1,500.00 - 15% of 2,739.73 (410.96) = 1,089.04; net 6,171.23."""
    policy = plain.bound(house, premium=1_000_000, plan="full")
    plain.paid(house, policy)
    assert books.balance(house, "commission_in_trust") == -150_000
    with on(DAY_100):
        plain.cancelled(house, policy)
    assert unapplied(policy) == 726_027
    assert books.balance(house, "commission_in_trust") + 150_000 == 108_904
    assert books.balance(house, "premium_payable") + 850_000 == 617_123
    owed = ReturnPremium.objects.get()
    assert (owed.credited_minor, owed.refundable_minor, owed.arose_on) == (726_027, 726_027, DAY_100)
    assert owed.due_on or owed.needs_decision
    assert ties(house)


def test_an_open_invoice_is_superseded_by_what_was_earned(house: House) -> None:
    """6,000 billed and unpaid; at day 100 earned 3,287.67: 2,712.33 credited, the new invoice asks 3,287.67."""
    policy = plain.bound(house)
    first = plain.billed(house, policy)
    with on(DAY_100):
        plain.cancelled(house, policy)
    old, new = Invoice.objects.filter(policy=policy).order_by("id")
    assert (old.id, old.state, new.state) == (first.id, "superseded", "open")
    assert (new.total_minor, new.supersedes_id, new.due_on) == (328_767, old.id, old.due_on)
    assert new.number == f"{policy.number}-002" and new.reason
    credited = LineCredit.objects.order_by("id").values_list("kind", "amount_minor")
    assert list(credited) == [("return_premium", 271_233), ("superseded", 328_767)]
    assert explanations.of(LineCredit.objects.filter(kind="return_premium").get().id)[0].amount_minor == 271_233
    assert ReturnPremium.objects.get().refundable_minor == 0
    assert ties(house)


def test_what_was_paid_in_part_is_applied_again_to_what_remains(house: House) -> None:
    """4,000 of 6,000 paid; earned 3,287.67: the new invoice of 3,287.67 is paid at once and 712.33 is owed."""
    policy = plain.bound(house)
    plain.paid(house, policy, amount_minor=400_000)
    with on(DAY_100):
        plain.cancelled(house, policy)
    new = Invoice.objects.get(policy=policy, supersedes__isnull=False)
    assert (new.total_minor, new.state) == (328_767, "paid")
    assert unapplied(policy) == 71_233
    assert ReturnPremium.objects.get().refundable_minor == 71_233
    assert ties(house)


def test_an_invoice_credited_whole_by_a_flat_cancellation_is_void(house: House) -> None:
    policy = plain.bound(house)
    first = plain.billed(house, policy)
    plain.cancelled(house, policy, on=books.FIRST_DAY, method="flat")
    assert Invoice.objects.get().state == "void"
    assert invoices.open_minor(first) == 0
    assert ties(house)


def test_a_rewrite_carries_2_712_33_to_the_new_policy_and_its_commission_with_it(house: House) -> None:
    """Paid 6,000; earned 3,287.67 keeps 493.15 commission. 2,712.33 carried earns 406.85 anew: 900.00 in all."""
    policy = plain.bound(house)
    plain.paid(house, policy)
    before = books.balance(house, "trust_cash")
    with on(DAY_100):
        request = RewriteRequest(DAY_100, "new_term", "P-NEW", 1_200_000, "New form")
        new = rewrites.rewrite(policy_id=policy.id, request=request, actor=house.me)
        assert (unapplied(policy), unapplied(new)) == (0, 271_233)
        assert books.balance(house, "commission_in_trust") == -49_315
        invoice = invoices.issue(policy_id=new.id, actor=house.me)
    assert (invoice.total_minor, invoices.open_minor(invoice)) == (600_000, 328_767)
    assert books.balance(house, "commission_in_trust") == -49_315 - 40_685
    assert books.balance(house, "trust_cash") == before
    assert not ReturnPremium.objects.exists()
    assert ties(house)


def test_doing_and_undoing_a_cancellation_restores_what_is_applied(house: House) -> None:
    policy = plain.bound(house, plan="full")
    plain.paid(house, policy)
    before = books.trial_balance(house)
    with on(DAY_100):
        plain.cancelled(house, policy)
        request = ReinstatementRequest(effective_on=DAY_100, reason="Paid", no_loss=True)
        reinstatements.reinstate(policy_id=policy.id, request=request, actor=house.me)
        assert ties(house)
        invoices.issue(policy_id=policy.id, through=END, actor=house.me)
    assert unapplied(policy) == 0
    assert books.trial_balance(house) == before
    assert ties(house)


def test_a_return_endorsement_credits_only_what_is_billed_beyond_the_charges(house: House) -> None:
    """12,000 all billed and paid, lowered to 9,000 at day 100: 3,000 x 265/365 = 2,178.08 comes free."""
    policy = plain.bound(house, plan="full")
    plain.paid(house, policy)
    with on(DAY_100):
        request = EndorsementRequest(DAY_100, "Vehicle removed", new_full_term_minor=900_000)
        endorsements.endorse(policy_id=policy.id, request=request, actor=house.me)
    assert unapplied(policy) == 217_808
    applied = Application.objects.aggregate(sum=Sum("amount_minor"))["sum"]
    assert applied == 1_200_000 - 217_808
    assert Invoice.objects.get().state == "paid"
    assert ties(house)


def offered(house: House, policy: Policy) -> None:
    request = RenewalRequest(premium_minor=1_300_000)
    renewals.offer(policy_id=policy.id, request=request, actor=house.me)


def test_a_renewal_is_accepted_when_its_first_invoice_is_paid(house: House) -> None:
    policy = plain.bound(house)
    plain.paid(house, policy, END)
    with on(dt.date(2026, 12, 20)):
        offered(house, policy)
        invoice = plain.billed(house, policy, dt.date(2027, 1, 31))
        assert policy.terms.get(number=2).state == "offered"
        books.paid(house, invoice)
    assert policy.terms.get(number=2).state == "in_force"
    assert ties(house)


def test_a_renewal_not_taken_is_asked_for_no_more_and_what_was_paid_for_it_is_free(house: House) -> None:
    policy = plain.bound(house)
    plain.paid(house, policy, END)
    with on(dt.date(2026, 12, 20)):
        offered(house, policy)
        invoice = plain.billed(house, policy, dt.date(2027, 1, 31))
        books.paid(house, invoice, amount_minor=10_000)
        renewals.decline(policy_id=policy.id, reason="Went elsewhere", actor=house.me)
    assert Invoice.objects.get(pk=invoice.id).state == "void"
    assert unapplied(policy) == 10_000
    assert Schedule.objects.filter(term__number=2).latest("number").installments.count() == 0
    assert ties(house)
