"""What a person does about a case, and what the two of them, plan and person, never do together."""

from __future__ import annotations

from typing import Any

import pytest

from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import DomainError, Forbidden, IllegalTransition, NotFound
from payments import messages, recovery_actions, recovery_steps
from payments.collection import PaymentInProgress
from payments.models import Message, PayLink, Payment, PaymentMethod, RecoveryCase
from tests.support import books, paying, recovering, world
from tests.support.books import House
from tests.support.database import at_once
from tests.support.recovering import decline, failed, fresh, retry_of, steps, succeed, until, work

pytestmark = pytest.mark.django_db


@command
def given(*, case_id: str, method: PaymentMethod, actor: Actor) -> None:
    """What the page behind the link for new details does."""
    case, _ = recovery_steps.locked(case_id)
    recovery_actions.details_given_locked(case, method)


def test_trying_now_takes_the_place_of_the_planned_retry(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    work()
    payment = recovery_actions.retry_now(case_id=case.id, actor=house.me)
    assert steps(case) == ["message 02-02 done", "retry 02-05 skipped", "retry 02-02 done"]
    with pytest.raises(PaymentInProgress):
        recovery_actions.retry_now(case_id=case.id, actor=house.me)
    decline(payment)
    assert steps(case)[-1] == "retry 02-05 planned"  # the plan goes on behind the one that was passed over
    assert fresh(case).retries == 1


def test_a_case_taken_over_waits_until_it_is_given_back(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    work()
    recovery_actions.hand_over(case_id=case.id, reason="The insured called.", actor=house.me)
    assert (fresh(case).state, fresh(case).result) == ("with_person", "The insured called.")
    until("2026-02-20")
    assert not Payment.objects.filter(initiator="recovery").exists()
    recovery_actions.take_back(case_id=case.id, actor=house.me)
    assert (fresh(case).state, steps(case)[-1]) == ("open", "retry 02-23 planned")


def test_a_person_tries_a_case_that_was_handed_over(house: House) -> None:
    recovering.plan(house)
    case = failed(house, code="brand_new_reason")
    work()
    with pytest.raises(recovery_actions.RetryNotAllowed):  # a code nobody knows
        recovery_actions.retry_now(case_id=case.id, actor=house.me)
    soft = failed(house)
    recovery_actions.hand_over(case_id=soft.id, reason="Mine.", actor=house.me)
    succeed(recovery_actions.retry_now(case_id=soft.id, actor=house.me))
    assert fresh(soft).state == "recovered"


def test_a_stopped_case_is_never_taken_up_again(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    recovery_actions.stop(case_id=case.id, reason="Agreed with the insured.", actor=house.me)
    for act in (recovery_actions.take_back, recovery_actions.retry_now):
        with pytest.raises(IllegalTransition):
            act(case_id=case.id, actor=house.me)
    assert until("2026-03-20") == 0


def test_new_details_are_charged_at_once(house: House) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    case = failed(house, invoice, "expired_card")
    work()
    link = PayLink.objects.get(recovery_case=case)
    assert (link.purpose, link.invoice_id) == ("details", invoice.id)
    card = paying.card(house, invoice.policy.insured, token="tok_new")
    paying.allow(house, card)
    given(case_id=case.id, method=card, actor=house.me)
    work()
    payment = retry_of(case)
    assert (payment.payment_method_id, payment.amount_minor) == (card.id, 535_900)
    succeed(payment)
    assert fresh(case).state == "recovered"


def test_the_link_for_new_details_is_in_the_message_and_its_secret_is_not_kept(house: House) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    invoice.policy.insured.email = "leilani@example.org"
    invoice.policy.insured.save()
    case = failed(house, invoice, "expired_card")
    work()
    message = Message.objects.get(subject_id=case.id, template="new_details_needed")
    assert "/pay/" in message.body
    messages.send(message.id)
    message.refresh_from_db()
    assert "/pay/…" in message.body


@pytest.mark.parametrize("act", ["retry_now", "take_back", "hand_over", "stop"])
def test_strangers_find_no_case_and_viewers_may_not_act(house: House, act: str) -> None:
    recovering.plan(house)
    case = failed(house)
    more: dict[str, Any] = {"reason": "x"} if act in ("hand_over", "stop") else {}
    with pytest.raises(NotFound):
        getattr(recovery_actions, act)(case_id=case.id, actor=world.actor(house.carrier), **more)
    with pytest.raises(Forbidden):
        getattr(recovery_actions, act)(case_id=case.id, actor=world.actor(house.operator, "viewer"), **more)


@pytest.mark.django_db(transaction=True)
def test_a_person_and_the_plan_at_once_make_one_payment(house: House) -> None:
    recovering.plan(house, soft=[{"do": "retry", "after": {"hours": 0}}, {"do": "hand_over"}])
    case = failed(house)
    row = recovering.last_step(case)

    def person() -> None:
        try:
            recovery_actions.retry_now(case_id=case.id, actor=house.me)
        except DomainError:
            return

    at_once(person, *[lambda: recovery_steps.do(row.id)] * 3)
    assert Payment.objects.filter(initiator="recovery").count() == 1
    assert RecoveryCase.objects.get().retries == 1


def test_who_is_not_charged_again_gets_a_link_to_pay_and_who_is_gets_none(house: House) -> None:
    recovering.plan(house, details=[{"do": "message", "template": "payment_failed"}])
    for code, links in (("insufficient_funds", 0), ("expired_card", 1)):
        case = failed(house, code=code)
        work()
        assert PayLink.objects.filter(recovery_case=case, purpose="pay").count() == links
