"""The life of a policy by its commands: what each writes, charges and tells, with figures worked by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from compliance import explanations
from compliance.models import AuditEntry, EventRecord
from coverpay.kernel import bus, clock
from coverpay.kernel.errors import IllegalTransition
from coverpay.kernel.money import Money
from policies import (
    audits,
    cancellations,
    endorsements,
    events,
    expirations,
    lifecycle,
    reinstatements,
    renewals,
    reversals,
    rewrites,
    transactions,
)
from policies.audits import AuditRequest
from policies.cancellations import CancellationRequest
from policies.endorsements import EndorsementRequest
from policies.models import Charge, Policy, Segment, Term, Transaction
from policies.reinstatements import ReinstatementRequest
from policies.renewals import RenewalRequest
from policies.returns import ChangedSince
from policies.rewrites import RewriteRequest
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db

FIRST, LAST = dt.date(2026, 1, 1), dt.date(2027, 1, 1)
DAY_100 = dt.date(2026, 4, 11)


@contextmanager
def silenced() -> Iterator[None]:
    """Nothing of billing listens inside: these tests are about the policy alone."""
    before = (bus.table(), bus.answers())
    deaf = {event: [] if event.__module__ == events.__name__ else list(told) for event, told in before[0].items()}
    bus.wire(deaf, {**before[1], events.PremiumPaid: lambda question: 0})
    try:
        yield
    finally:
        bus.wire(*before)


@pytest.fixture(autouse=True)
def silent(house: House) -> Iterator[None]:
    with silenced():
        yield


def bound(house: House, **changes: Any) -> Policy:
    """12,000.00 for 2026 in California: a fee of 250, no tax."""
    asked = {"effective_on": FIRST, "expires_on": LAST, "premium": Money(1_200_000), "state": "CA", **changes}
    return books.bound(house, **asked)


def at(day: dt.date) -> Any:
    return clock.frozen(dt.datetime.combine(day, dt.time(12), dt.UTC))


def charged(policy: Policy) -> dict[str, int]:
    found: dict[str, int] = {}
    for charge in Charge.objects.filter(policy=policy):
        found[charge.component] = found.get(charge.component, 0) + charge.amount_minor
    return found


def written(policy: Policy) -> int:
    return sum(Segment.objects.filter(transaction__term__policy=policy).values_list("written_minor", flat=True))


def ended(house: House, policy: Policy, day: dt.date = DAY_100, **how: Any) -> Any:
    with at(max(day, clock.today())):
        return cancellations.cancel(policy_id=policy.id, request=CancellationRequest(day, **how), actor=house.me)


def endorsed(house: House, policy: Policy, day: dt.date, **what: Any) -> Transaction:
    request = EndorsementRequest(day, reason=what.pop("reason", "asked for"), **what)
    return endorsements.endorse(policy_id=policy.id, request=request, actor=house.me)


def resumed(house: House, policy: Policy, day: dt.date, no_loss: bool = True) -> Transaction:
    request = ReinstatementRequest(day, "paid up", no_loss)
    return reinstatements.reinstate(policy_id=policy.id, request=request, actor=house.me)


def test_a_bound_policy_is_issued_once(house: House) -> None:
    policy = bound(house)
    assert lifecycle.issue(policy_id=policy.id, actor=house.me).state == "issued"
    with pytest.raises(IllegalTransition, match="only a bound policy"):
        lifecycle.issue(policy_id=policy.id, actor=house.me)


def test_an_endorsement_up_charges_the_days_left_and_its_tax(house: House) -> None:
    """12,000 → 15,650 from day 100: 3,650 × 265/365 = 2,650.00. Tax: 4.68% of 14,650 = 685.62, 561.60 stand: 124.02."""
    policy = bound(house, state="HI")
    change = endorsed(house, policy, DAY_100, new_full_term_minor=1_565_000)
    amounts = dict(change.charges.values_list("component", "amount_minor"))
    assert amounts == {"premium": 265_000, "surplus_lines_tax": 12_402}
    assert written(policy) == charged(policy)["premium"] == 1_465_000
    (why,) = explanations.of(change.charges.get(component="premium").id)
    assert why.inputs["days"] == 265


def test_an_endorsement_without_premium_writes_no_segment_and_no_charge(house: House) -> None:
    policy = bound(house)
    change = endorsed(house, policy, DAY_100, reason="new address")
    assert (change.segments.count(), change.charges.count(), change.reason) == (0, 0, "new address")


def test_what_does_not_go_back_stays_when_premium_goes_down(house: House) -> None:
    """The tax of these terms is not refundable: 12,000 → 8,350 from day 100 returns 2,650.00 of premium alone."""
    policy = bound(house, state="HI")
    change = endorsed(house, policy, DAY_100, change_minor=-365_000)
    assert dict(change.charges.values_list("component", "amount_minor")) == {"premium": -265_000}


def test_a_cancellation_of_today_returns_and_moves_all_three_states(house: House) -> None:
    policy = bound(house)
    cancellation = ended(house, policy)
    policy.refresh_from_db()
    assert (policy.state, policy.terms.get().state, cancellation.state) == ("cancelled", "cancelled", "effective")
    assert charged(policy) == {"premium": 328_767, "carrier_fee": 25_000}
    kept = {why.figure: why.amount_minor for why in explanations.of(cancellation.transaction_id)}
    assert kept == {"return_premium": 871_233, "earned": 328_767, "retained": 0}
    told = EventRecord.objects.filter(subject_id=policy.id, type="policy.cancelled").get()
    assert told.data["return_premium_minor"] == 871_233
    assert AuditEntry.objects.get(action="policy.cancel").after["state"] == "cancelled"


def test_commission_goes_back_at_the_rate_it_was_paid(house: House) -> None:
    """10,000 at 15%, cancelled on day 100: premium 7,260.27 goes back, commission 1,089.04."""
    policy = bound(house, premium=Money(1_000_000))
    back = ended(house, policy).transaction.charges.get(component="premium")
    assert (back.amount_minor, back.commission_ppm) == (-726_027, 150_000)
    assert round(726_027 * 150_000 / 1_000_000) == 108_904


def test_a_flat_cancellation_returns_everything(house: House) -> None:
    policy = bound(house, state="HI")
    ended(house, policy, FIRST, method="flat")
    assert set(charged(policy).values()) == {0}
    assert written(policy) == 0


def test_a_future_cancellation_waits_for_its_day_and_can_be_rescinded(house: House) -> None:
    policy = bound(house)
    cancellation = cancellations.cancel(policy_id=policy.id, request=CancellationRequest(DAY_100), actor=house.me)
    assert (cancellation.state, Policy.objects.get(pk=policy.id).state) == ("pending", "bound")
    with pytest.raises(cancellations.CancellationPending):
        cancellations.cancel(policy_id=policy.id, request=CancellationRequest(DAY_100), actor=house.me)
    cancellations.rescind(policy_id=policy.id, reason="paid", actor=house.me)
    cancellation.refresh_from_db()
    assert (cancellation.state, cancellation.ended_reason) == ("rescinded", "paid")
    assert written(policy) == 1_200_000


def test_a_pending_cancellation_takes_effect_with_what_was_endorsed_since(house: House) -> None:
    """Announced for day 100; then +3,650 a year from day 50 (315/365 → 3,150.00).

    Earned on day 100: 3,287.67 + 3,150 × 50/315 = 500.00; written 15,150.00: 11,362.33 goes back.
    """
    policy = bound(house)
    cancellations.cancel(policy_id=policy.id, request=CancellationRequest(DAY_100), actor=house.me)
    endorsed(house, policy, dt.date(2026, 2, 20), change_minor=365_000)
    with at(DAY_100):
        done = cancellations.take_effect(policy_id=policy.id, actor=house.me)
    assert done.transaction is not None
    assert done.transaction.charges.get(component="premium").amount_minor == -1_136_233
    assert written(policy) == 378_767


def test_a_reinstatement_without_lapse_restores_every_charge(house: House) -> None:
    policy = bound(house)
    before = charged(policy)
    ended(house, policy)
    resumed(house, policy, DAY_100)
    policy.refresh_from_db()
    assert (policy.state, policy.terms.get().state) == ("issued", "in_force")
    assert charged(policy) == before
    ended(house, policy, dt.date(2026, 7, 1))  # day 181: 12,000 × 181/365 = 5,950.68
    assert written(policy) == 595_068


def test_a_lapse_of_15_days_is_not_charged(house: House) -> None:
    policy = bound(house)
    ended(house, policy)
    change = resumed(house, policy, dt.date(2026, 4, 26))
    assert change.details["lapse_days"] == 15
    assert written(policy) == charged(policy)["premium"] == 1_200_000 - 49_315


def test_a_reinstatement_takes_a_statement_of_no_loss(house: House) -> None:
    policy = bound(house)
    ended(house, policy)
    with pytest.raises(reinstatements.NoStatementOfNoLoss) as refused:
        resumed(house, policy, DAY_100, no_loss=False)
    assert refused.value.field == "no_loss"
    assert Policy.objects.get(pk=policy.id).state == "cancelled"


def test_a_rewrite_of_the_remainder_cancels_one_and_binds_the_other(house: House) -> None:
    policy = bound(house)
    request = RewriteRequest(DAY_100, "remainder", "R-1", 900_000, "another form")
    with at(DAY_100):
        new = rewrites.rewrite(policy_id=policy.id, request=request, actor=house.me)
    policy.refresh_from_db()
    assert (policy.state, new.state, new.rewrites_id) == ("cancelled", "bound", policy.id)
    assert charged(policy)["premium"] == 328_767
    term = new.terms.get()
    assert (term.effective_on, term.expires_on, charged(new)["premium"]) == (DAY_100, LAST, 900_000)


def test_a_renewal_is_offered_accepted_and_the_first_term_expires(house: House) -> None:
    policy = bound(house)
    term = renewals.offer(policy_id=policy.id, request=RenewalRequest(1_300_000), actor=house.me)
    assert (term.number, term.effective_on, term.expires_on) == (2, LAST, dt.date(2028, 1, 1))
    with pytest.raises(renewals.RenewalStands):
        renewals.offer(policy_id=policy.id, request=RenewalRequest(1), actor=house.me)
    assert renewals.accept(policy_id=policy.id, actor=house.me).state == "in_force"
    with at(LAST):
        assert expirations.expire(policy_id=policy.id, actor=house.me).state == "bound"
    assert list(policy.terms.order_by("number").values_list("state", flat=True)) == ["expired", "in_force"]


def test_a_renewal_taken_late_brings_the_policy_back(house: House) -> None:
    policy = bound(house)
    renewals.offer(policy_id=policy.id, request=RenewalRequest(1_300_000), actor=house.me)
    with at(LAST):
        assert expirations.expire(policy_id=policy.id, actor=house.me).state == "expired"
        renewals.accept(policy_id=policy.id, actor=house.me)
    assert Policy.objects.get(pk=policy.id).state == "issued"


def test_an_audit_charges_the_difference_as_a_component_of_its_own(house: House) -> None:
    """A deposit of 20,000 audited at 23,400: 3,400.00 due; audited again at 19,000: 4,400.00 back."""
    policy = bound(house, premium=Money(2_000_000))
    with at(LAST):
        expirations.expire(policy_id=policy.id, actor=house.me)
        audits.audit(policy_id=policy.id, request=AuditRequest(2_340_000, "payroll"), actor=house.me)
        assert charged(policy)["audit_premium"] == 340_000
        audits.audit(policy_id=policy.id, request=AuditRequest(1_900_000, "corrected"), actor=house.me)
    assert charged(policy)["audit_premium"] == 340_000
    assert charged(policy)["premium"] == 1_560_000
    assert written(policy) == 1_560_000


def test_undoing_an_endorsement_restores_every_charge(house: House) -> None:
    policy = bound(house, state="HI")
    before = charged(policy)
    wrong = endorsed(house, policy, DAY_100, change_minor=365_000)
    done = reversals.undo(policy_id=policy.id, transaction_id=wrong.id, reason="slip", actor=house.me)
    assert (done.reverses_id, charged(policy), written(policy)) == (wrong.id, before, 1_200_000)
    with pytest.raises(reversals.NotUndoable, match="already"):
        reversals.undo(policy_id=policy.id, transaction_id=wrong.id, reason="slip", actor=house.me)


def test_what_a_cancellation_rests_on_is_undone_after_it(house: House) -> None:
    policy = bound(house)
    wrong = endorsed(house, policy, dt.date(2026, 2, 20), change_minor=365_000)
    last = ended(house, policy).transaction
    with pytest.raises(ChangedSince) as refused:
        reversals.undo(policy_id=policy.id, transaction_id=wrong.id, reason="slip", actor=house.me)
    assert (refused.value.field, refused.value.extra["transaction"]) == ("transaction", last.id)
    reversals.undo(policy_id=policy.id, transaction_id=last.id, reason="slip", actor=house.me)
    reversals.undo(policy_id=policy.id, transaction_id=wrong.id, reason="slip", actor=house.me)
    assert (charged(policy)["premium"], Term.objects.get(policy=policy).state) == (1_200_000, "in_force")
    assert transactions.current_term(Policy.objects.get(pk=policy.id)).number == 1
