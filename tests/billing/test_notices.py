"""Notices demand only what is due, say how it was computed, and end cover only once their mailing is proved."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from billing import delinquency, invoices, notice_texts, notices
from billing.models import BillingAccount, DelinquencyStep, Notice, NoticeMailing, PayorShare
from compliance import audit, explanations
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Forbidden, Invalid, NotFound
from coverpay.kernel.money import Money
from policies import locks
from policies.models import Participant, Party, Policy
from tests.support import late, world
from tests.support.books import House
from tests.support.late import CANCEL, NOTICED, at, may, night, nights

pytestmark = pytest.mark.django_db
PEREZ: dict[str, Any] = {"premium": Money(18_672)}
"""186.72 a year in three of 62.24."""


@pytest.fixture
def policy(house: House) -> Policy:
    late.settle_rules(house)
    return late.policy(house)


@command
def _joined(*, policy: Policy, house: House, agency: Organization, actor: Actor) -> None:
    """A mortgagee that pays half by escrow, and an agency."""
    locks.lock(policy.id)
    bank = Party.objects.create(organization=house.operator, reference="BANK-1", name="Lanai Savings", city="Hilo")
    for number, (payor, share) in enumerate(((policy.insured, 500_000), (bank, 500_000))):
        account = BillingAccount.objects.create(operator=house.operator, number=f"A-{number}", payor=payor)
        PayorShare.objects.create(policy=policy, account=account, share_ppm=share)
    Participant.objects.create(policy=policy, organization=agency, role="agency")
    audit.record(action="test.join", object_id=policy.id, organization_id=house.operator.id)


def mail(notice: Notice, house: House, **changes: Any) -> Notice:
    asked = {"method": "certificate", "mailed_on": NOTICED, "proof_reference": "PS3817-1", **changes}
    return notices.mail(notice_id=notice.id, actor=house.me, **asked)


def test_a_notice_demands_62_24_when_62_24_is_due_though_another_62_24_is_billed(house: House) -> None:
    """21st Century v. Perez: 62.24 was due, 124.48 was demanded. Here the third installment is billed, not due."""
    late.settle_rules(house)
    policy = late.policy(house, **PEREZ)
    with at(may(4)):
        invoices.issue(policy_id=policy.id, through=dt.date(2026, 9, 1), actor=house.me)
    nights(policy, may(2), NOTICED, house)
    notice = late.latest_notice(policy)
    assert notice.demanded_minor == 6_224
    assert sum(item["amount_minor"] for item in notice.content["items"]) == 6_224
    assert "62.24 USD" in notice.content["wording"][1]


def test_62_00_against_62_24_rescinds_within_the_tolerance(house: House) -> None:
    """62.24 - 62.00 = 0.24, at most the exit threshold of 1.00."""
    late.settle_rules(house)
    policy = late.policy(house, **PEREZ)
    late.noticed(policy, house)
    with at(may(12)):
        late.pay(policy, 6_200, house)
    assert (late.followed(policy).state, late.is_pending(policy)) == ("cured", False)
    assert DelinquencyStep.objects.get(action="cure").facts["left_minor"] == 24
    assert nights(policy, CANCEL, may(20), house) == {}


def test_61_00_against_62_24_does_not(house: House) -> None:
    late.settle_rules(house)
    policy = late.policy(house, **PEREZ)
    late.noticed(policy, house)
    with at(may(12)):
        late.pay(policy, 6_100, house)
    assert late.is_pending(policy)


def test_what_was_demanded_rescinds_even_if_a_fee_took_some_of_it(house: House) -> None:
    """The late fee of 7.50, billed and due 05-05, takes nothing before the 400.00 of 05-01; both ways it is cured."""
    late.settle_rules(house)
    policy = late.policy(house)
    nights(policy, may(2), may(5), house)
    with at(may(5)):
        invoices.issue(policy_id=policy.id, actor=house.me)
    late.noticed(policy, house)
    assert late.latest_notice(policy).demanded_minor == 40_000
    with at(may(12)):
        late.pay(policy, 40_000, house)
    assert late.followed(policy).state == "cured"


def test_a_notice_says_how_amount_equity_and_day_were_computed(house: House, policy: Policy) -> None:
    nights(policy, may(2), NOTICED, house)
    notice = late.latest_notice(policy)
    demanded, equity, day = notice.content["computation"]
    assert demanded["inputs"] == {f"1 {policy.number}-002 premium_minor": 40_000}
    assert (equity["inputs"]["paid_minor"], equity["inputs"]["days_paid"]) == (40_000, 121)
    assert (day["inputs"]["equity_on"], day["inputs"]["noticed_on"]) == ("2026-05-02", "2026-05-19")
    assert {each.figure for each in explanations.of(notice.id)} == {"demanded", "equity_date", "cancel_date"}
    assert {each["rule"] for each in notice.content["rule"]} >= {"noc_nonpay_days", "noc_mail_days_added"}


def test_a_notice_is_frozen(house: House, policy: Policy) -> None:
    nights(policy, may(2), NOTICED, house)
    for column in ("demanded_minor = 1", "content = '{}'", "cancel_on = '2026-05-07'"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE billing_notice SET {column}")


def test_it_goes_to_the_insured_the_mortgagee_and_the_agency_and_waits_for_all(house: House, policy: Policy) -> None:
    _joined(policy=policy, house=house, agency=world.organization("agency"), actor=house.me)
    nights(policy, may(2), NOTICED, house)
    notice = late.latest_notice(policy)
    names = notice_texts.keys(notice.content)
    assert names[:2] == ["Insured: Aloha Foods", "Payor or mortgagee: Lanai Savings"]
    assert names[2].startswith("Agency: ")
    with at(NOTICED):
        assert mail(notice, house, recipients=names[:2]).state == "prepared"
        assert not late.is_pending(policy)
        with pytest.raises(Invalid) as refused:
            mail(notice, house, recipients=names[:1])
        assert refused.value.field == "recipients"
        assert mail(notice, house).state == "mailed"
    assert late.is_pending(policy)
    assert NoticeMailing.objects.filter(notice=notice).count() == 3


def test_mailed_too_late_a_new_notice_with_a_later_day_replaces_it(house: House, policy: Policy) -> None:
    """Mailed 05-08 it could end cover on 05-21 at the earliest, not on 05-19; made anew on 05-08: 05-21."""
    nights(policy, may(2), NOTICED, house)
    first = late.latest_notice(policy)
    second = late.mailed(policy, house, on=may(8))
    assert (Notice.objects.get(pk=first.id).state, second.state) == ("void", "prepared")
    assert (second.cancel_on, second.mail_by) == (may(21), may(8))
    assert not late.is_pending(policy)
    assert late.mailed(policy, house, on=may(8)).state == "mailed"
    assert late.is_pending(policy)
    assert nights(policy, may(9), may(21), house) == {21: ["cancel"]}


def test_paid_in_part_before_mailing_a_notice_that_demands_less_replaces_it(house: House, policy: Policy) -> None:
    nights(policy, may(2), NOTICED, house)
    first = late.latest_notice(policy)
    with at(NOTICED, 9):
        late.pay(policy, 30_000, house)
    second = late.latest_notice(policy)
    assert (Notice.objects.get(pk=first.id).state, second.state, second.demanded_minor) == ("void", "prepared", 10_000)


def test_without_an_established_rule_nothing_is_sent_until_a_person_decides(house: House) -> None:
    late.settle_rules(house, noc_nonpay_days=None)
    policy = late.policy(house)
    assert nights(policy, may(2), may(9), house) == {3: ["reminder"], 5: ["late_fee"]}
    assert "noc_nonpay_days in HI" in late.followed(policy).needs_decision
    assert not Notice.objects.filter(kind="cancellation").exists()
    late.settle_rules(house)
    with at(may(9)):
        delinquency.decide(
            delinquency_id=late.followed(policy).id, choice="proceed", reason="The rule is decided.", actor=house.me
        )
    assert night(policy, may(10), house) == ["notice"]


def test_proceeding_without_deciding_the_rule_asks_again(house: House) -> None:
    late.settle_rules(house, noc_nonpay_days=None)
    policy = late.policy(house)
    nights(policy, may(2), may(6), house)
    with at(may(6)):
        delinquency.decide(delinquency_id=late.followed(policy).id, choice="proceed", reason="Go on.", actor=house.me)
    assert night(policy, may(7), house) == []
    assert "noc_nonpay_days in HI" in late.followed(policy).needs_decision


def test_an_unestablished_rule_on_rescission_leaves_it_to_a_person_and_cancels_nothing(house: House) -> None:
    late.settle_rules(house, payment_within_notice_rescinds=None)
    policy = late.policy(house)
    late.noticed(policy, house)
    with at(may(10)):
        late.pay(policy, 40_000, house)
    assert "Does payment rescind" in late.followed(policy).needs_decision
    assert nights(policy, may(11), may(25), house) == {}
    assert late.fresh(policy).state == "bound"


def test_agency_bill_asks_a_person_before_the_notice_and_before_the_end(house: House) -> None:
    late.settle_rules(house)
    policy = late.policy(house, follow={"bill": "agency"})
    nights(policy, may(2), NOTICED, house)
    assert "asks a person" in late.followed(policy).needs_decision
    with at(NOTICED):
        delinquency.decide(
            delinquency_id=late.followed(policy).id, choice="proceed", reason="The agency agrees.", actor=house.me
        )
        delinquency.follow(policy_id=policy.id, actor=house.me)
    late.mailed(policy, house)
    assert night(policy, CANCEL, house) == []
    assert "cancel for non-payment" in late.followed(policy).needs_decision


def test_below_the_non_pay_threshold_no_notice_is_made(house: House) -> None:
    """72.00 in three of 24.00: above 5.00 to be followed, below 25.00 to end cover for."""
    late.settle_rules(house)
    policy = late.policy(house, premium=Money(7_200))
    assert nights(policy, may(2), may(20), house) == {3: ["reminder"], 5: ["late_fee"]}


def test_the_payment_plan_may_ask_for_more_than_the_delinquency_plan(house: House) -> None:
    """62.24 is above 25.00 but below the payment plan's 100.00."""
    late.settle_rules(house)
    policy = late.policy(house, plan={"nonpay_threshold": "100.00"}, **PEREZ)
    assert 6 not in nights(policy, may(2), NOTICED, house)


def test_fees_alone_never_end_cover(house: House) -> None:
    """300.00 of broker fee in three is past due with all premium paid: it is followed, and no notice is made."""
    late.settle_rules(house)
    fee = {"component": "broker_fee", "amount": "300.00", "payee_kind": "operator", "rule": "agreed fee"}
    policy = late.policy(house, charges=[fee])
    with at(may(1)):
        late.pay(policy, 40_000, house)
    assert nights(policy, may(2), may(20), house) == {3: ["reminder"], 5: ["late_fee"]}
    assert late.followed(policy).past_due_minor == 10_000


@pytest.mark.parametrize(
    ("proof", "method", "enough"),
    [
        ("", "first_class", True),
        ("USPS-validated certificate of mailing required", "certificate", True),
        ("USPS-validated certificate of mailing required", "first_class", False),
        ("USPS-validated certificate of mailing required", "electronic", False),
        ("first-class mail to last address in insurer records", "first_class", True),
        ("first-class mail to last address in insurer records", "certificate", True),
        ("USPS certified mail OR first-class with intelligent-mail-barcode/other USPS tracking", "first_class", False),
        ("USPS certified mail OR first-class with intelligent-mail-barcode/other USPS tracking", "certified", True),
        ("personal delivery, first-class or certified mail to last known address", "personal", True),
        ("registered, certified, or certificate of mailing; electronic if agreed", "electronic", True),
    ],
)
def test_a_way_of_mailing_meets_the_states_words_on_proof(proof: str, method: str, enough: bool) -> None:
    assert notices.meets(proof, method) is enough


def test_mail_that_proves_nothing_there_is_refused(house: House) -> None:
    late.settle_rules(house, noc_mailing_proof="certificate of mailing")
    policy = late.policy(house)
    nights(policy, may(2), NOTICED, house)
    with at(NOTICED), pytest.raises(notices.MailingProofInsufficient) as refused:
        mail(late.latest_notice(policy), house, method="first_class")
    assert refused.value.field == "method"
    assert not NoticeMailing.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"method": "pigeon"}, "method"),
        ({"mailed_on": may(5)}, "mailed_on"),
        ({"mailed_on": may(7)}, "mailed_on"),
        ({"proof_reference": " "}, "proof_reference"),
        ({"recipients": ["Nobody"]}, "recipients"),
    ],
)
def test_a_mailing_that_cannot_be_is_refused_by_its_field(
    house: House, policy: Policy, changes: dict[str, Any], field: str
) -> None:
    nights(policy, may(2), NOTICED, house)
    with at(NOTICED), pytest.raises(Invalid) as refused:
        mail(late.latest_notice(policy), house, **changes)
    assert refused.value.field == field
    assert late.latest_notice(policy).state == "prepared"


def test_mailing_twice_is_refused_and_strangers_see_nothing(house: House, policy: Policy) -> None:
    notice = late.noticed(policy, house)
    with at(NOTICED), pytest.raises(notices.NoticeNotLive):
        mail(notice, house)
    reader = Actor("user", "u", house.operator.id, frozenset({Permission.BILLING_READ}))
    with at(NOTICED), pytest.raises(Forbidden):
        notices.void(notice_id=notice.id, reason="No.", actor=reader)
    stranger = Actor("user", "u", house.carrier.id, frozenset(Permission))
    with at(NOTICED), pytest.raises(NotFound):
        notices.void(notice_id=notice.id, reason="No.", actor=stranger)
