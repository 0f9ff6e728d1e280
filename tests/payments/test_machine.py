"""Anything may happen in any order; after every step the books tie, and what is undone leaves no trace."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from billing import invoices
from billing.models import Installment, Invoice
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.errors import Conflict
from coverpay.kernel.money import Money
from payments import attempts, captures, collection, disputes, inbound, refunds, settlement, stops
from payments.collection import Wanted
from payments.disputes import DisputeNotOpen
from payments.gateways.sandbox import Sandbox
from payments.models import Attempt, Dispute, Payment, PaymentPart, Refund
from payments.refund_requests import LIVE
from payments.stops import CannotStop
from policies.models import Policy
from reconciliation.models import Break
from tests.support import books
from tests.support.books import House
from tests.support.database import undone
from tests.support.fixtures import NOW
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
TOKENS = [
    "tok_ok", "tok_decline_expired_card", "tok_pending_ok", "tok_pending_fail", "tok_timeout_taken", "tok_timeout_lost",
    "tok_not_sent", "tok_return", "tok_out_of_order", "tok_wrong_amount", "tok_dispute_won", "tok_dispute_lost",
    "tok_refund_timeout", "tok_refund_declined",
]  # fmt: skip
HOLDING = ["tok_ok", "tok_capture_declined", "tok_capture_timeout", "tok_hold_dropped", "tok_timeout_taken"]
OF_PAYOUTS = ("processor_clearing", "trust_cash", "due_from_operating", "due_to_trust", "processor_fees")


class Business(RuleBasedStateMachine):
    """One operator's days: bill, collect, hear, forget, refund, pay out, and look at the books after each."""

    house: House
    folder: Path
    runs = 0
    payments = Bundle("payments")

    def __init__(self) -> None:
        super().__init__()
        Business.runs += 1
        self.sandbox = Sandbox(self.folder / f"{Business.runs}.sqlite3")
        self.settings = override_settings(SANDBOX_FILE=self.sandbox.books.file)
        self.clock, self.example = clock.frozen(NOW), undone()
        for context in (self.settings, self.clock, self.example):
            context.__enter__()
        self.policy: Policy = books.bound(self.house, plan="thirds", number="P-machine", premium=Money(100_003))
        self.issue()
        books.billed(self.house, plan="full", number="P-other", premium=Money(50_001))

    def teardown(self) -> None:
        for context in (self.example, self.clock, self.settings):
            context.__exit__(None, None, None)

    def issue(self) -> None:
        invoices.issue(policy_id=self.policy.id, actor=self.house.me)

    @initialize(target=payments)
    def a_part_is_paid_already(self) -> str:
        return self.collect("tok_ok", 40, sent=True)

    @rule(target=payments, token=st.sampled_from(TOKENS), percent=st.sampled_from([7, 33, 100]), sent=st.booleans())
    def pay(self, token: str, percent: int, sent: bool) -> Any:
        """Collect all or a part of the first open invoice; the worker may be away."""
        try:
            return self.collect(token, percent, sent=sent)
        except Conflict:
            owed = Invoice.objects.filter(policy=self.policy, state="open")
            assert not owed or Attempt.objects.filter(invoice__in=owed, state__in=Attempt.LIVE).exists()
            return multiple()

    def collect(self, token: str, percent: int, *, sent: bool) -> str:
        invoices_by_date = Invoice.objects.filter(policy=self.policy).order_by("state", "due_on")  # open, then paid
        invoice = invoices_by_date[0]
        part = max(1, invoices.open_minor(invoice) * percent // 100)
        payment = collection.collect(
            invoice_id=invoice.id, method="card", token=token, amount_minor=part, actor=self.house.me
        )
        if sent:
            attempts.submit(payment.attempts.get().id)
        return payment.id

    @rule(target=payments, token=st.sampled_from([*TOKENS, *HOLDING]), held=st.booleans(), sent=st.booleans())
    def pay_together(self, token: str, held: bool, sent: bool) -> Any:
        """Collect all that is open of both policies in one payment, with a fee; maybe the money is only held."""
        free = Invoice.objects.filter(state="open").exclude(payment_parts__live=True).order_by("id")
        if not free:
            return multiple()
        payment = collection.collect_many(
            items=[Wanted(invoice.id) for invoice in free], method="card", token=token, surcharge_minor=1_003,
            capture=not held, actor=self.house.me,
        )  # fmt: skip
        if sent:
            attempts.submit(payment.attempts.get().id)
        return payment.id

    @rule(percent=st.sampled_from([0, 41, 100]), sent=st.booleans())
    def what_is_held_is_captured_or_let_go(self, percent: int, sent: bool) -> None:
        for attempt in Attempt.objects.filter(state="authorized", phase="charge"):
            if percent:
                part = attempt.amount_minor * percent // 100
                captures.capture(payment_id=attempt.payment_id, amount_minor=part, actor=self.house.me)
            else:
                captures.void(payment_id=attempt.payment_id, reason="not needed", actor=self.house.me)
            if sent:
                attempts.submit(attempt.id)

    @rule(payment=payments, sent=st.booleans())
    def stop(self, payment: str, sent: bool) -> None:
        """Stop what can be stopped."""
        with suppress(CannotStop):
            stops.stop(payment_id=payment, reason="payor called", actor=self.house.me)
        if sent:
            attempts.sweep()

    @rule(contested=st.booleans())
    def disputes_are_answered(self, contested: bool) -> None:
        for dispute in Dispute.objects.filter(state="needs_response", next_check_at=None):
            with suppress(DisputeNotOpen):
                if contested:
                    evidence = {"explanation": "Cover was in force."}
                    disputes.contest(dispute_id=dispute.id, evidence=evidence, actor=self.house.me)
                else:
                    disputes.accept(dispute_id=dispute.id, reason="the insured is right", actor=self.house.me)

    @rule(minutes=st.sampled_from([1, 200, 1500]), decides=st.booleans())
    def time_passes(self, minutes: int, decides: bool) -> None:
        """Sweeps run; the processor may decide what was pending, and the bank may return."""
        if decides:
            self.sandbox.finish_pending(self.house.account.merchant)
        clock.advance(dt.timedelta(minutes=minutes))
        attempts.sweep()
        refunds.sweep()
        disputes.sweep()

    @rule(order=st.randoms(use_true_random=False), processed=st.booleans())
    def webhooks_arrive(self, order: Any, processed: bool) -> None:
        """All that was ever told arrives in any order, much of it again."""
        told = books.webhooks(self.house)
        order.shuffle(told)
        for headers, body in told:
            inbound.receive(account_id=self.house.account.id, headers=headers, body=body)
        if processed:
            inbound.sweep()

    @rule(payment=payments, percent=st.sampled_from([10, 55, 100]), sent=st.booleans())
    def refund(self, payment: str, percent: int, sent: bool) -> None:
        """Give all or a part of what can go back."""
        most = refunds.refundable_minor(Payment.objects.get(pk=payment))
        if most and not Refund.objects.filter(payment=payment, state__in=LIVE).exists():
            part = max(1, most * percent // 100)
            found = refunds.request(payment_id=payment, reason="asked for", amount_minor=part, actor=self.house.me)
            if sent:
                refunds.submit(found.id)

    @rule(taken=st.booleans())
    def a_person_decides_what_nobody_knows(self, taken: bool) -> None:
        for attempt in Attempt.objects.filter(state="unknown"):
            attempts.resolve(attempt_id=attempt.id, taken=taken, reason="portal", actor=self.house.me)
        for refund in Refund.objects.filter(state="unknown"):
            refunds.resolve(refund_id=refund.id, given=taken, reason="portal", actor=self.house.me)

    @rule(billed=st.booleans())
    def a_month_ends(self, billed: bool) -> None:
        """The processor pays out; the next installment may be billed."""
        clock.advance(dt.timedelta(days=31))
        books.pay_out(self.house)
        settlement.import_payouts(account_id=self.house.account.id, since=books.SINCE, actor=self.house.me)
        if billed and Installment.objects.filter(invoice=None, bill_on__lte=clock.today()).exists():
            self.issue()

    @invariant()
    def the_books_tie(self) -> None:
        assert differences(self.house) == []
        assert proof.check(self.house.operator.id) == []

    @invariant()
    def an_attempt_succeeded_only_if_the_processor_took_it_or_a_person_said_so(self) -> None:
        taken = {row["reference"] for row in self.sandbox.books.charges() if row["status"] in ("succeeded", "returned")}
        ours = Attempt.objects.filter(state="succeeded").exclude(outcome_code="decided_by_person")
        assert {attempt.id for attempt in ours} <= taken

    @invariant()
    def no_more_goes_back_than_was_taken(self) -> None:
        for attempt in Attempt.objects.filter(state="succeeded"):
            given = sum(attempt.refunds.exclude(state="declined").values_list("amount_minor", flat=True))
            assert given <= (attempt.taken_minor or 0)

    @invariant()
    def no_invoice_has_two_live_charges(self) -> None:
        live = list(PaymentPart.objects.filter(payment__state="processing").values_list("invoice_id", flat=True))
        assert len(live) == len(set(live))
        assert set(live) == set(PaymentPart.objects.filter(live=True).values_list("invoice_id", flat=True))

    @invariant()
    def without_standing_payments_every_balance_is_that_of_the_invoices_alone(self) -> None:
        overdrawn = Break.objects.filter(inputs__says="overdrawn")
        if not Payment.objects.filter(state="succeeded").exists() and not overdrawn.exists():
            found = books.trial_balance(self.house)
            asked = sum(Invoice.objects.values_list("total_minor", flat=True))
            assert {key: value for key, value in found.items() if key[0] not in OF_PAYOUTS} == {
                ("premium_receivable", ""): asked, ("billed_uncollected", ""): -asked,
            }  # fmt: skip


def test_the_books_tie_after_every_step_of_any_story(house: House, tmp_path: Path) -> None:
    story = type("Story", (Business,), {"house": house, "folder": tmp_path})
    run_state_machine_as_test(story, settings=settings(max_examples=12, stateful_step_count=16))


@pytest.fixture
def story(house: House, tmp_path: Path) -> Iterator[Business]:
    begun = type("Story", (Business,), {"house": house, "folder": tmp_path})()
    yield begun
    begun.teardown()


@pytest.mark.parametrize("seed", [2, 3])
def test_the_books_tie_after_every_step_of_a_long_story(story: Business, seed: int) -> None:
    dice = random.Random(seed)
    paid = [story.a_part_is_paid_already()]
    steps: dict[Callable[[], Any], int] = {
        lambda: paid.append(story.pay(dice.choice(TOKENS), dice.choice([7, 33, 100]), dice.random() < 0.8)): 6,
        lambda: story.time_passes(dice.choice([1, 200, 1500]), dice.random() < 0.5): 4,
        lambda: story.webhooks_arrive(dice, dice.random() < 0.8): 3,
        lambda: paid.append(story.pay_together(dice.choice(TOKENS + HOLDING), dice.random() < 0.5, True)): 3,
        lambda: story.what_is_held_is_captured_or_let_go(dice.choice([0, 41, 100]), dice.random() < 0.8): 2,
        lambda: story.refund(
            dice.choice([each for each in paid if isinstance(each, str)]), dice.choice([10, 55, 100]), True
        ): 3,
        lambda: story.stop(dice.choice([each for each in paid if isinstance(each, str)]), True): 1,
        lambda: story.disputes_are_answered(dice.random() < 0.6): 1,
        lambda: story.a_person_decides_what_nobody_knows(dice.random() < 0.5): 1,
        lambda: story.a_month_ends(billed=True): 1,
    }
    for step in dice.choices(list(steps), weights=list(steps.values()), k=60):
        step()
        story.the_books_tie()
        story.an_attempt_succeeded_only_if_the_processor_took_it_or_a_person_said_so()
        story.no_more_goes_back_than_was_taken()
        story.no_invoice_has_two_live_charges()
        story.without_standing_payments_every_balance_is_that_of_the_invoices_alone()
    assert set(Payment.objects.values_list("state", flat=True)) >= {"succeeded", "failed", "refunded"}
