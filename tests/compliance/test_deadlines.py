"""Notice, return premium, fees and grace by state, with the figures read from the research data by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from compliance import deadlines
from compliance.deadlines import Deadline, NoticeRule, UnknownFee
from compliance.models import Organization
from compliance.rules import decisions, facts
from coverpay.kernel.money import Money
from tests.support import world

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 2, 2)
LINES = ("commercial_pc", "personal_auto", "homeowners")


@pytest.fixture
def ours(still: dt.datetime) -> Organization:
    return world.organization()


def notice(of: Organization, state: str, line: str = "commercial_pc", **options: Any) -> NoticeRule:
    return deadlines.notice_days(of.id, state=state, line=line, **{"on": DAY, "days_in_force": 200, **options})


def due(of: Organization, state: str, line: str, initiator: str, **options: Any) -> Deadline:
    return deadlines.return_premium_due(
        of.id, state=state, line=line, initiator=initiator, **{"cancelled_on": DAY, **options}
    )


def decide(of: Organization, rule: str, state: str, value: Any, **said: Any) -> None:
    decisions.decide(
        **{"line": "commercial_pc", "reason": "read the statute", **said},
        rule=rule,
        jurisdiction=state,
        value=value,
        actor=world.actor(of, "compliance"),
    )


def test_maine_counts_ten_days_from_receipt_which_is_five_days_after_mailing(ours: Organization) -> None:
    rule = notice(ours, "ME", "personal_auto")
    assert (rule.days, rule.mail_days_added, rule.measured_from, rule.business_days) == (10, 5, "receipt", False)
    assert rule.mailing_proof == "certificate of mailing = conclusive proof of receipt"
    assert rule.needs_decision == ""


def test_arizona_commercial_is_ten_days_from_mailing_with_tracked_mail(ours: Organization) -> None:
    rule = notice(ours, "AZ")
    assert (rule.days, rule.mail_days_added, rule.measured_from) == (10, 0, "mailing_or_delivery")
    assert "certified mail" in rule.mailing_proof
    assert (rule.needs_decision, rule.citation) == ("", "A.R.S. 20-1674")


def test_california_days_are_known_but_its_mail_days_wait_for_a_person(ours: Organization) -> None:
    rule = notice(ours, "CA")
    assert (rule.days, rule.mail_days_added) == (10, None)
    assert "noc_mail_days_added in CA" in rule.needs_decision and "noc-0359" in rule.needs_decision
    decide(ours, "noc_mail_days_added", "CA", 5, conditions={"address": "California"}, fact_id="noc-0359")
    rule = notice(ours, "CA")
    assert (rule.days, rule.mail_days_added, rule.needs_decision) == (10, 5, "")


def test_new_jersey_auto_has_a_floor_by_equity_date_and_a_longest_lead(ours: Organization) -> None:
    rule = notice(ours, "NJ", "personal_auto")
    assert (rule.days, rule.equity_floor_days, rule.latest_lead_days) == (15, 10, 30)


def test_connecticut_gives_a_new_policy_fifteen_days_for_its_first_premium(ours: Organization) -> None:
    assert notice(ours, "CT", "personal_auto").days == 10
    assert notice(ours, "CT", "personal_auto", first_premium=True).days == 15


def test_a_policy_is_new_below_the_days_of_the_state_and_never_after_a_renewal(ours: Organization) -> None:
    new = [notice(ours, "CO", "personal_auto", days_in_force=days).in_underwriting_period for days in (0, 59, 60)]
    assert new == [True, True, False]
    assert not notice(ours, "CO", "personal_auto", days_in_force=5, renewal=True).in_underwriting_period


def test_surplus_lines_have_florida_s_own_notice_and_elsewhere_say_what_is_known(ours: Organization) -> None:
    assert notice(ours, "FL", admitted="surplus").days == 10
    assert notice(ours, "FL", admitted="surplus", reason="underwriting").days == 45
    rule = notice(ours, "CO", admitted="surplus")
    assert rule.days is None and "C.R.S. 10-4-109.7) says: False" in rule.needs_decision


@pytest.mark.parametrize("state", facts.STATES)
def test_every_state_answers_or_says_what_to_decide(ours: Organization, state: str) -> None:
    for line in LINES:
        for reason in ("nonpayment", "underwriting"):
            for admitted in ("admitted", "surplus"):
                rule = notice(ours, state, line, reason=reason, admitted=admitted)
                assert rule.days is not None or "decide" in rule.needs_decision
        for initiator in ("insured", "insurer", "finance_company"):
            answer = due(ours, state, line, initiator, noticed_on=DAY)
            assert (answer.due_on is None) == bool(answer.needs_decision)
        for fee in deadlines.FEES:
            cap = deadlines.fee_cap(ours.id, state=state, fee=fee, line=line, on=DAY)
            assert cap.amount is not None or cap.needs_decision
    assert deadlines.payment_rescinds(ours.id, state=state, line=LINES[0], on=DAY).fact_id
    returned = deadlines.tax_returned_on_return_premium(ours.id, state=state, on=DAY)
    assert returned.established or "decide" in returned.needs_decision


@pytest.mark.parametrize(
    ("state", "line", "initiator", "options", "due_on"),
    [
        # 2 February + 45 days: 26 in February, 19 March.
        ("AK", "commercial_pc", "insured", {}, dt.date(2026, 3, 19)),
        ("FL", "personal_auto", "insurer", {}, dt.date(2026, 2, 17)),
        ("FL", "personal_auto", "insured", {}, dt.date(2026, 3, 4)),
        # A finance company cancels in the insured's place, but by the insurer's deadline.
        ("FL", "personal_auto", "finance_company", {}, dt.date(2026, 2, 17)),
        # 15 business days from Monday 2 February without Presidents' Day on the 16th: 3-6, 9-13, 17-20, 23, 24.
        ("TX", "personal_auto", "insured", {}, dt.date(2026, 2, 24)),
        ("GA", "commercial_pc", "insurer", {}, DAY),
        # Massachusetts: with the notice.
        ("MA", "commercial_pc", "insurer", {"noticed_on": dt.date(2026, 1, 12)}, dt.date(2026, 1, 12)),
        # Illinois, financed: 60 days; 26 in February, 31 in March, 3 in April.
        ("IL", "commercial_pc", "insured", {"financed": True}, dt.date(2026, 4, 3)),
    ],
)
def test_return_premium_is_due_by_the_state_s_day(
    ours: Organization, state: str, line: str, initiator: str, options: dict[str, Any], due_on: dt.date
) -> None:
    answer = due(ours, state, line, initiator, **options)
    assert (answer.due_on, answer.needs_decision) == (due_on, "")
    assert answer.citation


def test_return_premium_with_the_notice_asks_for_its_day(ours: Organization) -> None:
    answer = due(ours, "MA", "commercial_pc", "insurer")
    assert (answer.due_on, answer.days) == (None, 0)
    assert "with the notice" in answer.needs_decision


def test_half_the_states_have_no_deadline_until_a_person_decides_one(ours: Organization) -> None:
    assert due(ours, "HI", "commercial_pc", "insured").due_on is None
    decide(ours, "return_premium_deadline", "HI", 30, conditions={"initiator": "insured"}, unit="calendar_days")
    assert due(ours, "HI", "commercial_pc", "insured").due_on == dt.date(2026, 3, 4)


def test_fee_caps_are_rhode_island_s_or_wait_for_a_person(ours: Organization) -> None:
    cap = deadlines.fee_cap(ours.id, state="RI", fee="late", line="commercial_pc", on=DAY)
    assert (cap.amount, cap.needs_decision) == (Money(10_00), "")
    nsf = deadlines.fee_cap(ours.id, state="CA", fee="nsf", line="commercial_pc", on=DAY)
    assert nsf.amount is None and "25" in nsf.needs_decision
    decide(ours, "returned_payment_fee_cap", "CA", "25.00", line="general_commerce", fact_id="fees-0005")
    nsf = deadlines.fee_cap(ours.id, state="CA", fee="nsf", line="commercial_pc", on=DAY)
    assert (nsf.amount, nsf.needs_decision) == (Money(25_00), "")
    with pytest.raises(UnknownFee) as refused:
        deadlines.fee_cap(ours.id, state="CA", fee="late fee", line="commercial_pc", on=DAY)
    assert refused.value.field == "fee"


def test_payment_within_the_notice_undoes_it_in_california_auto_and_not_in_missouri_homes(ours: Organization) -> None:
    def undone(state: str, line: str) -> tuple[Any, bool]:
        ruled = deadlines.payment_rescinds(ours.id, state=state, line=line, on=DAY)
        return ruled.value, ruled.established

    assert undone("CA", "personal_auto") == (True, True)
    assert undone("MO", "homeowners") == (False, True)
    assert undone("HI", "commercial_pc") == ("contract", False)


def test_arizona_auto_has_seven_days_of_grace_once_confirmed(ours: Organization) -> None:
    assert deadlines.grace_days(ours.id, state="AZ", line="personal_auto", on=DAY).needs_decision
    decide(ours, "grace_period_days", "AZ", 7, line="personal_auto", fact_id="fees-0070")
    ruled = deadlines.grace_days(ours.id, state="AZ", line="personal_auto", on=DAY)
    assert (ruled.value, ruled.needs_decision) == (7, "")
    assert deadlines.grace_days(ours.id, state="CA", line="homeowners", on=DAY).fact_id == "fees-0069"


def test_tax_comes_back_with_return_premium_in_illinois_by_its_own_text(ours: Organization) -> None:
    ruled = deadlines.tax_returned_on_return_premium(ours.id, state="IL", on=DAY)
    assert (ruled.fact_id, ruled.established) == ("sl_tax-0167", True)
    assert deadlines.tax_returned_on_return_premium(ours.id, state="HI", on=DAY).fact_id == "sl_tax-0174"
