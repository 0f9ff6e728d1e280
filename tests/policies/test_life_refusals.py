"""What the program and the law say about a policy's life: lapses, minimum premium, short rates, moratoriums."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from compliance import moratoriums
from coverpay.kernel.errors import Conflict, IllegalTransition
from coverpay.kernel.money import Money
from policies import (
    audits,
    cancellations,
    conditions,
    endorsements,
    programs,
    rating,
    renewals,
    reversals,
    rewrites,
)
from policies.audits import AuditRequest
from policies.cancellations import CancellationRequest
from policies.endorsements import EndorsementRequest
from policies.holds import InMoratorium
from policies.lifecycle import PolicyNumberTaken
from policies.models import Cancellation, Policy, Term, Transaction
from policies.rating import TermsUnreadable
from policies.renewals import RenewalRequest
from policies.rewrites import RewriteRequest
from policies.slicing import DateOutsideTerm, PremiumBelowZero
from tests.policies.test_life import (
    DAY_100,
    FIRST,
    LAST,
    at,
    bound,
    charged,
    ended,
    endorsed,
    resumed,
    silenced,
    written,
)
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db
BACK = dt.date(2026, 4, 26)


@pytest.fixture(autouse=True)
def silent(house: House) -> Iterator[None]:
    with silenced():
        yield


def under(house: House, **terms: Any) -> Policy:
    """A bound policy of 12,000.00 under a program with these terms beside its commission."""
    programs.publish(
        code="own",
        name="Own",
        carrier_id=house.carrier.id,
        states=["CA"],
        terms={"commission_rate": "0.15", **terms},
        effective_from=books.SINCE,
        actor=house.me,
    )
    return bound(house, program="own")


def insurer(reason: str) -> dict[str, str]:
    return {"reason": reason, "initiator": "insurer"}


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ({}, 300_000),  # the insured asks: 25% is kept
        (insurer("underwriting"), 197_260),  # the insurer ends it: 60 days are
        (insurer("nonpayment"), 300_000),  # not waived when premium was not paid
        ({"reason": "finance_company", "initiator": "finance_company"}, 300_000),
    ],
)
def test_minimum_earned_premium_is_waived_only_when_the_insurer_ends_paid_cover(
    house: House, how: dict[str, str], kept: int
) -> None:
    policy = under(house, cancellation={"minimum_earned": {"percent": "25"}})
    cancellation = ended(house, policy, dt.date(2026, 3, 2), **how)
    assert charged(policy)["premium"] == written(policy) == kept
    assert cancellation.state == "effective"


def test_the_short_rate_on_paid_premium_asks_what_was_paid(house: House) -> None:
    """Nothing was paid: there is nothing to take a tenth of; pro rata remains."""
    policy = under(house, cancellation={"short_rate_on": "paid"})
    ended(house, policy, method="short_rate_90")
    assert charged(policy)["premium"] == 328_767


def test_a_lapse_may_move_the_end_of_the_term_instead(house: House) -> None:
    """Reinstated after 15 days: the term ends 2027-01-16. +3,650 from then on: 265 of 365 days, 2,650.00."""
    policy = under(house, reinstatement={"lapse": "extend"})
    ended(house, policy)
    resumed(house, policy, BACK)
    assert (policy.terms.get().expires_on, written(policy)) == (dt.date(2027, 1, 16), 1_200_000)
    assert endorsed(house, policy, BACK, change_minor=365_000).charges.get().amount_minor == 265_000


def test_nothing_reaches_back_behind_a_lapse(house: House) -> None:
    policy = bound(house)
    ended(house, policy)
    resumed(house, policy, BACK)
    for verb in (lambda: ended(house, policy, DAY_100), lambda: endorsed(house, policy, DAY_100, change_minor=1)):
        with pytest.raises(DateOutsideTerm) as refused:
            verb()
        assert refused.value.field == "effective_on"


def test_a_refundable_fee_goes_back_with_the_premium_and_comes_again(house: House) -> None:
    """A fee of 365.00 that goes back pro rata: on day 100 265.00 of it does."""
    fee = {"component": "policy_fee", "amount": "365.00", "payee_kind": "operator", "refundable": True}
    policy = under(house, charges=[fee])
    ended(house, policy)
    assert charged(policy)["policy_fee"] == 10_000
    resumed(house, policy, BACK)
    assert charged(policy)["policy_fee"] == 36_500


def test_a_moratorium_stops_the_insurer_and_nobody_else(house: House) -> None:
    policy = bound(house)
    moratoriums.declare(
        name="Wildfire", state_code="CA", starts_on=FIRST, ends_on=dt.date(2026, 12, 1), citation="Ins. Code 675.1",
        actor=house.me,
    )  # fmt: skip
    for reason in ("nonpayment", "underwriting"):
        with pytest.raises(InMoratorium, match="Wildfire") as refused:
            ended(house, policy, **insurer(reason))
        assert refused.value.extra["citation"] == "Ins. Code 675.1"
    assert not Cancellation.objects.filter(term__policy=policy).exists()
    assert ended(house, policy).state == "effective"


def test_a_pending_cancellation_takes_effect_not_before_its_day(house: House) -> None:
    policy = bound(house)
    cancellations.cancel(policy_id=policy.id, request=CancellationRequest(DAY_100), actor=house.me)
    with pytest.raises(Conflict) as refused:
        cancellations.take_effect(policy_id=policy.id, actor=house.me)
    assert refused.value.field == "effective_on"
    cancellations.rescind(policy_id=policy.id, reason="paid", actor=house.me)
    with at(DAY_100), pytest.raises(IllegalTransition):
        cancellations.take_effect(policy_id=policy.id, actor=house.me)


def test_a_cancellation_lets_the_offered_renewal_go(house: House) -> None:
    policy = bound(house)
    renewals.offer(policy_id=policy.id, request=RenewalRequest(1_300_000), actor=house.me)
    ended(house, policy)
    assert list(policy.terms.values_list("state", flat=True)) == ["cancelled", "not_taken"]


def test_a_term_before_a_renewed_one_is_cancelled_after_it(house: House) -> None:
    policy = bound(house)
    renewals.offer(policy_id=policy.id, request=RenewalRequest(1_300_000), actor=house.me)
    renewals.accept(policy_id=policy.id, actor=house.me)
    with pytest.raises(cancellations.RenewedAlready):
        ended(house, policy)
    with at(LAST):
        ended(house, policy, LAST, method="flat")
    policy.refresh_from_db()
    assert policy.state == "bound"  # the first term still is in force
    assert Term.objects.get(policy=policy, number=2).state == "cancelled"


@pytest.mark.parametrize(("effective", "expires", "after"), [
    (dt.date(2026, 1, 31), dt.date(2026, 2, 28), dt.date(2026, 3, 31)),
    (dt.date(2026, 1, 31), dt.date(2026, 7, 31), dt.date(2027, 1, 31)),
    (dt.date(2028, 2, 29), dt.date(2029, 2, 28), dt.date(2030, 2, 28)),
    (dt.date(2026, 1, 1), dt.date(2026, 3, 15), dt.date(2026, 5, 27)),
])  # fmt: skip
def test_a_renewal_is_as_long_as_the_last_term(
    house: House, effective: dt.date, expires: dt.date, after: dt.date
) -> None:
    """One month from the 31st, six, twelve from a February 29; 73 days, which are no months: 73 days again."""
    policy = bound(house, effective_on=effective, expires_on=expires)
    shown = renewals.preview(policy_id=policy.id, request=RenewalRequest(1), actor=house.me)
    assert (shown.effective_on, shown.expires_on) == (expires, after)


def test_what_an_audit_rests_on_is_undone_after_it(house: House) -> None:
    """An audit charges the difference to what was charged until then; it goes first, then the endorsement."""
    policy = bound(house)
    before = charged(policy)
    wrong = endorsed(house, policy, DAY_100, change_minor=365_000)
    request = AuditRequest(1_500_000, "payroll")
    audited = audits.audit(policy_id=policy.id, request=request, actor=house.me)
    with pytest.raises(reversals.ChangedSince) as refused:
        reversals.undo(policy_id=policy.id, transaction_id=wrong.id, reason="slip", actor=house.me)
    assert refused.value.extra["transaction"] == audited.id
    for each in (audited, wrong):
        reversals.undo(policy_id=policy.id, transaction_id=each.id, reason="slip", actor=house.me)
    assert charged(policy) == {**before, "audit_premium": 0}


def test_a_rewritten_policy_is_neither_reinstated_nor_its_end_undone(house: House) -> None:
    policy = bound(house)
    request = RewriteRequest(DAY_100, "new_term", "R-1", 900_000, "another form")
    with at(DAY_100):
        new = rewrites.rewrite(policy_id=policy.id, request=request, actor=house.me)
    assert new.terms.get().expires_on == dt.date(2027, 4, 11)
    with pytest.raises(IllegalTransition, match="rewritten"):
        resumed(house, policy, DAY_100)
    last = Transaction.objects.get(term__policy=policy, kind="cancellation")
    with pytest.raises(IllegalTransition, match="rewritten"):
        reversals.undo(policy_id=policy.id, transaction_id=last.id, reason="slip", actor=house.me)


def test_a_rewrite_of_the_full_term_takes_everything_back(house: House) -> None:
    policy = bound(house)
    request = RewriteRequest(FIRST, "full_term", "R-1", 900_000, "wrong form")
    shown = rewrites.preview(policy_id=policy.id, request=request, actor=house.me)
    new = rewrites.rewrite(policy_id=policy.id, request=request, actor=house.me)
    assert set(charged(policy).values()) == {0}
    assert charged(new) == {charge.component: charge.amount.amount_minor for charge in shown.charges}
    assert (new.terms.get().effective_on, new.terms.get().expires_on) == (FIRST, LAST)


def test_a_number_that_is_taken_stops_the_rewrite_whole(house: House) -> None:
    policy = bound(house)
    request = RewriteRequest(DAY_100, "remainder", policy.number, 900_000, "another form")
    with pytest.raises(PolicyNumberTaken):
        rewrites.rewrite(policy_id=policy.id, request=request, actor=house.me)
    assert (Policy.objects.get(pk=policy.id).state, written(policy)) == ("bound", 1_200_000)


def test_new_business_is_not_undone_but_cancelled_flat(house: House) -> None:
    policy = bound(house)
    first = policy.terms.get().transactions.get()
    with pytest.raises(reversals.NotUndoable, match="cancel the term flat"):
        reversals.undo(policy_id=policy.id, transaction_id=first.id, reason="slip", actor=house.me)


def test_a_change_that_a_later_one_took_from_is_undone_after_it(house: House) -> None:
    """+3,650, then −14,000: without the first less than nothing would be left."""
    policy = bound(house)
    first = endorsed(house, policy, DAY_100, change_minor=365_000)
    endorsed(house, policy, DAY_100, change_minor=-1_400_000)
    with pytest.raises(PremiumBelowZero) as refused:
        reversals.undo(policy_id=policy.id, transaction_id=first.id, reason="slip", actor=house.me)
    assert refused.value.field == "transaction"


def test_a_preview_says_what_the_command_then_writes(house: House) -> None:
    policy = bound(house, state="HI", premium=Money(999_983))
    request = EndorsementRequest(DAY_100, "more", new_full_term_minor=1_234_567)
    shown = endorsements.preview(policy_id=policy.id, request=request, actor=house.me)
    done = endorsements.endorse(policy_id=policy.id, request=request, actor=house.me)
    assert shown.amounts() == dict(done.charges.values_list("component", "amount_minor"))
    ending = CancellationRequest(BACK, "short_rate_90")
    draft = cancellations.preview(policy_id=policy.id, request=ending, actor=house.me)
    cancellation = ended(house, policy, BACK, method="short_rate_90")
    assert draft.amounts() == dict(cancellation.transaction.charges.values_list("component", "amount_minor"))


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"line": ""}, "line"),
        ({"admitted": "maybe"}, "admitted"),
        ({"day_count": "30/360"}, "day_count"),
        ({"cancellation": []}, "cancellation"),
        ({"cancellation": {"short_rat_on": "paid"}}, "cancellation"),
        ({"cancellation": {"short_rate_on": "billed"}}, "short_rate_on"),
        ({"cancellation": {"short_rate_table": "90%"}}, "short_rate_table"),
        ({"cancellation": {"short_rate_table": [{"through_day": 9, "earned_percent": 5}]}}, "short_rate_table"),
        ({"cancellation": {"short_rate_table": [{"through_day": "9", "earned_percent": "5"}]}}, "short_rate_table"),
        ({"cancellation": {"minimum_earned": {"percent": "101"}}}, "minimum_earned"),
        ({"cancellation": {"minimum_earned": {"percent": "25", "amount": "5.00"}}}, "minimum_earned"),
        ({"cancellation": {"minimum_earned": {"amount": "-5.00"}}}, "minimum_earned"),
        ({"cancellation": {"minimum_waived_for": ["nobody"]}}, "minimum_waived_for"),
        ({"reinstatement": {"lapse": "free"}}, "lapse"),
        ({"renewal": {"grace_days": -1}}, "grace_days"),
        ({"renewal": {"offer_lead_days": "45"}}, "offer_lead_days"),
    ],
)
def test_conditions_that_cannot_be_read_are_refused_by_key(terms: Any, field: str) -> None:
    with pytest.raises(TermsUnreadable) as refused:
        conditions.read(terms)
    assert refused.value.field == field


def test_a_rule_says_when_it_goes_back() -> None:
    assert [rating.refund_of(rule) for rule in ({}, {"refundable": True}, {"refund": "never"})] == [
        "flat_only", "pro_rata", "never",
    ]  # fmt: skip
