"""Stories of past due money, night by night: 1,200 a year, 400 paid, 400 due on 2026-05-01 and not paid."""

from __future__ import annotations

import pytest

from billing import delinquency, invoices, notices
from billing.models import Delinquency, DelinquencyStep, Invoice, Notice, SuspenseItem
from compliance import explanations, moratoriums
from compliance.models import AuditEntry, EventRecord
from coverpay.kernel.errors import IllegalTransition, Invalid
from coverpay.kernel.money import Money
from policies.models import Policy
from tests.support import books, late
from tests.support.books import House
from tests.support.late import CANCEL, NOTICED, at, may, night, nights
from tests.support.lives import wrong_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(house: House) -> Policy:
    late.settle_rules(house)
    return late.policy(house)


def test_from_a_missed_payment_to_cancellation_day_by_day(house: House, policy: Policy) -> None:
    """Mailed 05-06 + 10 + 3 = 05-19; 138 days earn 453.70; 400 is paid, so 53.70 is uncollected."""
    assert nights(policy, may(1), NOTICED, house) == {3: ["reminder"], 5: ["late_fee"], 6: ["notice"]}
    notice = late.mailed(policy, house)
    assert (notice.demanded_minor, notice.cancel_on, notice.state) == (40_000, CANCEL, "mailed")
    assert late.is_pending(policy)
    assert nights(policy, may(7), may(18), house) == {}
    assert late.fresh(policy).state == "bound"
    assert night(policy, CANCEL, house) == ["cancel"]
    assert late.fresh(policy).state == "cancelled"
    done = DelinquencyStep.objects.get(action="cancel")
    assert (done.facts["earned_minor"], done.facts["uncollected_minor"]) == (45_370, 5_370)
    assert late.followed(policy).state == "cancelled"
    assert Notice.objects.filter(policy=policy, kind="cancelled").count() == 1
    (why,) = [each for each in explanations.of(late.followed(policy).id) if each.figure.startswith("uncollected")]
    assert why.amount_minor == 5_370
    assert wrong_with(policy) == []


def test_what_is_left_goes_to_collections_30_days_after_cover_ended(house: House, policy: Policy) -> None:
    late.noticed(policy, house)
    nights(policy, may(7), CANCEL, house)
    assert late.followed(policy).next_on == CANCEL.replace(month=6, day=18)
    assert night(policy, CANCEL.replace(month=6, day=17), house) == []
    assert night(policy, CANCEL.replace(month=6, day=18), house) == ["collections"]
    assert late.followed(policy).state == "collections"


def test_paid_on_the_last_day_rescinds(house: House, policy: Policy) -> None:
    notice = late.noticed(policy, house)
    with at(may(18)):
        late.pay(policy, 40_000, house)
    assert (late.followed(policy).state, late.is_pending(policy)) == ("cured", False)
    assert Notice.objects.get(pk=notice.id).state == "satisfied"
    assert Notice.objects.filter(policy=policy, kind="rescission").count() == 1
    assert nights(policy, CANCEL, may(25), house) == {}
    assert late.fresh(policy).state == "bound"


def test_paid_the_day_after_waits_for_a_person_and_revives_nothing(house: House, policy: Policy) -> None:
    late.noticed(policy, house)
    nights(policy, may(7), CANCEL, house)
    with at(may(20)):
        late.pay(policy, 40_000, house)
    assert late.fresh(policy).state == "cancelled"
    assert late.followed(policy).state == "cancelled"
    held = SuspenseItem.objects.get()
    assert (held.why, held.state, held.amount_minor) == ("after_cancellation", "open", 40_000)


def test_paid_on_the_very_day_before_the_night_ran_asks_a_person(house: House, policy: Policy) -> None:
    late.noticed(policy, house)
    with at(CANCEL, 1):
        late.pay(policy, 40_000, house)
    found = late.followed(policy)
    assert "not before the cancellation" in found.needs_decision
    assert night(policy, CANCEL, house) == []
    with at(CANCEL):
        delinquency.decide(delinquency_id=found.id, choice="rescind", reason="It came at 00:30.", actor=house.me)
    assert (late.followed(policy).state, late.is_pending(policy)) == ("cured", False)


def test_a_part_payment_does_not_rescind(house: House, policy: Policy) -> None:
    """300 of 400: 100 is open, above both thresholds of 25, so cover ends."""
    late.noticed(policy, house)
    with at(may(10)):
        late.pay(policy, 30_000, house)
    assert late.is_pending(policy)
    assert night(policy, CANCEL, house) == ["cancel"]


def test_the_same_night_twice_changes_nothing(house: House, policy: Policy) -> None:
    nights(policy, may(1), NOTICED, house)
    before = (AuditEntry.objects.count(), EventRecord.objects.count(), DelinquencyStep.objects.count())
    assert night(policy, NOTICED, house) == []
    assert night(policy, NOTICED, house) == []
    assert (AuditEntry.objects.count(), EventRecord.objects.count(), DelinquencyStep.objects.count()) == before
    late.mailed(policy, house)
    night(policy, CANCEL, house)
    before = (AuditEntry.objects.count(), EventRecord.objects.count(), DelinquencyStep.objects.count())
    assert night(policy, CANCEL, house) == []
    assert (AuditEntry.objects.count(), EventRecord.objects.count(), DelinquencyStep.objects.count()) == before


def test_nights_that_were_missed_are_made_up_for_in_order(house: House, policy: Policy) -> None:
    assert night(policy, may(8), house) == ["reminder", "late_fee", "notice"]
    assert late.latest_notice(policy).prepared_on == may(8)


def test_a_notice_that_nobody_mailed_ends_nothing(house: House, policy: Policy) -> None:
    nights(policy, may(1), may(30), house)
    assert late.latest_notice(policy).state == "prepared"
    assert not late.is_pending(policy)
    assert late.fresh(policy).state == "bound"


def test_a_hold_takes_the_notice_back_and_afterwards_a_new_one_is_made(house: House, policy: Policy) -> None:
    notice = late.noticed(policy, house)
    with at(may(8)):
        delinquency.hold(delinquency_id=late.followed(policy).id, until=may(20), reason="A dispute.", actor=house.me)
    assert (Notice.objects.get(pk=notice.id).state, late.is_pending(policy)) == ("void", False)
    assert nights(policy, may(9), may(20), house) == {}
    assert night(policy, may(21), house) == ["release", "notice"]
    assert late.latest_notice(policy).cancel_on == may(21).replace(month=6, day=3)


def test_a_hold_can_be_released_early_and_only_once(house: House, policy: Policy) -> None:
    night(policy, may(3), house)
    found = late.followed(policy)
    with at(may(3)):
        delinquency.hold(delinquency_id=found.id, until=may(30), reason="A dispute.", actor=house.me)
        with pytest.raises(IllegalTransition):
            delinquency.hold(delinquency_id=found.id, until=may(30), reason="Again.", actor=house.me)
        delinquency.release(delinquency_id=found.id, actor=house.me)
        with pytest.raises(IllegalTransition):
            delinquency.release(delinquency_id=found.id, actor=house.me)
    assert nights(policy, may(4), NOTICED, house) == {5: ["late_fee"], 6: ["notice"]}


def test_a_broken_promise_lets_the_clock_run_on(house: House, policy: Policy) -> None:
    night(policy, may(3), house)
    with at(may(3)):
        delinquency.promise(
            delinquency_id=late.followed(policy).id, amount=Money(40_000), pay_by=may(10), actor=house.me
        )
    assert nights(policy, may(4), may(10), house) == {}
    assert night(policy, may(11), house) == ["release", "late_fee", "notice"]
    assert DelinquencyStep.objects.get(action="release").facts["reason"].startswith("Promise broken: 0.00 USD")


def test_a_promise_kept_cures(house: House, policy: Policy) -> None:
    night(policy, may(3), house)
    with at(may(3)):
        delinquency.promise(
            delinquency_id=late.followed(policy).id, amount=Money(40_000), pay_by=may(10), actor=house.me
        )
    with at(may(9)):
        late.pay(policy, 40_000, house)
    assert (late.followed(policy).state, late.followed(policy).promised_on) == ("cured", None)


def test_a_promise_of_nothing_or_for_yesterday_is_refused(house: House, policy: Policy) -> None:
    night(policy, may(3), house)
    found = late.followed(policy)
    for amount, pay_by, field in ((0, may(10), "amount"), (40_000, may(2), "pay_by")):
        with at(may(3)), pytest.raises(Invalid) as refused:
            delinquency.promise(delinquency_id=found.id, amount=Money(amount), pay_by=pay_by, actor=house.me)
        assert refused.value.field == field


def test_a_moratorium_stops_notices_but_not_invoices(house: House, policy: Policy) -> None:
    with at(may(4)):
        moratoriums.declare(
            name="Storm", state_code="HI", starts_on=may(4), ends_on=may(14), citation="Order 7", actor=house.me
        )
    assert nights(policy, may(1), may(14), house) == {3: ["reminder"], 5: ["hold"]}
    with at(may(14)):
        assert invoices.issue(policy_id=policy.id, through=CANCEL.replace(month=9, day=1), actor=house.me)
    assert night(policy, may(15), house) == ["late_fee", "notice"]


def test_a_moratorium_takes_back_a_cancellation_that_was_announced(house: House, policy: Policy) -> None:
    notice = late.noticed(policy, house)
    with at(may(18)):
        moratoriums.declare(name="Storm", state_code="HI", starts_on=may(18), ends_on=may(25), actor=house.me)
    assert night(policy, CANCEL, house) == ["hold"]
    assert (late.fresh(policy).state, late.is_pending(policy)) == ("bound", False)
    assert Notice.objects.get(pk=notice.id).state == "void"
    assert nights(policy, may(20), may(26), house) == {26: ["notice"]}


def test_money_that_may_be_returned_cures_for_now_and_its_return_reopens(house: House, policy: Policy) -> None:
    late.noticed(policy, house)
    with at(may(18)):
        receipt = late.pay(policy, 40_000, house, provisional_until=may(26))
    assert (late.followed(policy).state, late.followed(policy).provisional_until) == ("cured", may(26))
    with at(may(21)):
        late.give_back(receipt, house)
    found = late.followed(policy)
    assert (found.state, found.provisional_until, found.needs_decision) == ("active", None, "")
    assert late.fresh(policy).state == "bound"
    assert night(policy, may(22), house) == ["notice"]
    assert late.latest_notice(policy).cancel_on == may(22).replace(month=6, day=4)


def test_a_policy_that_ends_otherwise_is_followed_no_more(house: House, policy: Policy) -> None:
    night(policy, may(3), house)
    late.cancel_by_request(policy, may(4), house)
    assert late.followed(policy).state == "closed"
    assert nights(policy, may(5), may(30), house) == {}


def test_without_a_plan_nothing_is_followed(house: House) -> None:
    books.billed(house)
    invoice = Invoice.objects.get()
    assert night(invoice.policy, may(3), house) == []
    assert not Delinquency.objects.exists()


def test_making_a_notice_void_lets_a_person_decide(house: House, policy: Policy) -> None:
    notice = late.noticed(policy, house)
    with at(may(8)):
        notices.void(notice_id=notice.id, reason="Wrong address.", actor=house.me)
        with pytest.raises(IllegalTransition):
            notices.void(notice_id=notice.id, reason="Again.", actor=house.me)
    assert not late.is_pending(policy)
    assert nights(policy, may(9), may(11), house) == {}
    with at(may(11)):
        delinquency.decide(
            delinquency_id=late.followed(policy).id, choice="proceed", reason="Address found.", actor=house.me
        )
    assert night(policy, may(12), house) == ["notice"]
