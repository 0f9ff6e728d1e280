"""Whatever fails, whatever the plan says and whenever cover ends: no charge of recovery lands outside the limits."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance import business_days
from coverpay.kernel import clock
from payments import recovery_limits
from payments.gateways.base import Outcome, Status
from payments.models import Attempt, Payment, RecoveryCase, RecoveryStep
from policies import cancellations
from policies.cancellations import CancellationRequest
from tests.support import books, recovering
from tests.support.books import House
from tests.support.database import undone
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
AFTER = st.one_of(
    st.fixed_dictionaries({"days": st.integers(0, 20)}),
    st.fixed_dictionaries({"hours": st.integers(0, 60)}),
    st.fixed_dictionaries({"business_days": st.integers(0, 8)}),
)
PAYDAYS = st.lists(st.sampled_from(["1", "15", "last_business_day", "friday"]), max_size=2)
RETRY = st.fixed_dictionaries({"do": st.just("retry"), "after": AFTER, "on": PAYDAYS})
STEPS = st.lists(
    st.one_of(RETRY, RETRY, st.just({"do": "message", "template": "will_retry"}), st.just({"do": "fallback"})),
    min_size=1,
    max_size=5,
)
CARD = st.sampled_from(
    [
        Outcome(Status.DECLINED, code="insufficient_funds"),
        Outcome(Status.DECLINED, code="card_declined", network_code="51", advice="02"),
        Outcome(Status.DECLINED, code="card_declined", network_code="51", advice="24"),
        Outcome(Status.DECLINED, code="card_declined", advice="03"),
        Outcome(Status.DECLINED, code="card_declined", network_code="61"),
        Outcome(Status.DECLINED, code="card_declined", network_code="14"),
        Outcome(Status.DECLINED, code="gateway_unreachable"),
        Outcome(Status.DECLINED, code="never_heard_of"),
    ]
)
ACH = st.sampled_from(
    [Outcome(Status.RETURNED, code=code) for code in ("R01", "R01", "R09", "R02", "R08", "R10", "R99")]
)


COVER = st.one_of(st.none(), st.integers(1, 30))
LATE = st.sampled_from([0, 0, 5, 50])


def failing(payment: Payment, outcome: Outcome) -> None:
    if outcome.status is Status.RETURNED:
        recovering.succeed(payment)
    recovering.tell(payment, outcome)


def run(
    house: House, steps: list[Any], outcomes: list[Outcome], method: str, cover: int | None, late: dt.timedelta
) -> None:
    """A payment that fails again and again, by a worker that is late each time; cover may end after some days."""
    recovering.plan(house, soft=steps, limit=steps, gateway=steps)
    invoice = books.billed(house)
    failing(recovering.planned(house, invoice, method=method), outcomes[0])
    if cover is not None:
        day = clock.today() + dt.timedelta(days=cover)
        request = CancellationRequest(effective_on=day, method="pro_rata")
        cancellations.cancel(policy_id=invoice.policy_id, request=request, actor=house.me)
    for turn in range(1, 16):
        recovering.work()
        live = Payment.objects.filter(initiator="recovery", state="processing").first()
        if live is not None:
            failing(live, outcomes[turn % len(outcomes)])
            continue
        step = RecoveryStep.objects.filter(state="planned").order_by("due_at").first()
        if step is None:
            return
        clock.advance(max(step.due_at - clock.now(), dt.timedelta(0)) + late)


def check(house: House, steps: list[Any], outcomes: list[Outcome], method: str, cover: int | None, late: int) -> None:
    ends = clock.today() + dt.timedelta(days=cover) if cover is not None else None
    with undone(), clock.frozen(clock.now()):
        run(house, steps, outcomes, method, cover, dt.timedelta(hours=late))
        within_cover(ends, method)
        if method == "ach":
            within_nacha()
        as_the_codes_say()
        for case in RecoveryCase.objects.filter(state="open"):
            assert RecoveryStep.objects.filter(case=case, state="planned").count() == 1
        assert differences(house) == []


def within_cover(ends: dt.date | None, method: str) -> None:
    for payment in Payment.objects.filter(initiator="recovery"):
        assert business_days.is_business_day(payment.created_at.date())
        if ends is not None:
            last = recovery_limits.last_day(recovery_limits.CoverEnd(ends, "", ""), method, 1)
            assert payment.created_at.date() <= last


def within_nacha() -> None:
    """At most two, of the very same amount, naming the first entry."""
    first = Payment.objects.exclude(initiator="recovery").get()
    again = Payment.objects.filter(initiator="recovery")
    assert again.count() <= 2
    assert {(one.amount_minor, one.represents_id) for one in again} <= {(first.amount_minor, first.id)}


def as_the_codes_say() -> None:
    """Nothing follows a code that forbids it, and what an advice code wants awaited is awaited."""
    for before, after in itertools.pairwise(Attempt.objects.order_by("created_at", "id")):
        waits = {"02": 72, "24": 1}.get(before.advice, 0)
        assert after.created_at - before.created_at >= dt.timedelta(hours=waits)
        assert before.advice != "03" and before.network_code != "14"
        assert before.outcome_code not in ("R02", "R08", "R10", "R99", "never_heard_of")


@settings(max_examples=8, deadline=None)
@given(STEPS, st.lists(CARD, min_size=1, max_size=4), COVER, LATE)
def test_a_card_is_charged_only_within_the_limits(
    house: House, steps: list[Any], outcomes: list[Outcome], cover: int | None, late: int
) -> None:
    check(house, steps, outcomes, "card", cover, late)


@settings(max_examples=8, deadline=None)
@given(STEPS, st.lists(ACH, min_size=1, max_size=4), COVER, LATE)
def test_a_bank_debit_is_presented_again_only_within_the_limits(
    house: House, steps: list[Any], outcomes: list[Outcome], cover: int | None, late: int
) -> None:
    check(house, steps, outcomes, "ach", cover, late)
