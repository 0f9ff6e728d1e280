"""All that can happen to a policy, in any order: after every step schedules, cash, credits and the ledger tie."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from billing import delinquency, distributions, invoices, notices, replan, voids, write_offs
from billing.models import Invoice, LineCredit, Notice, Receipt
from compliance import approvals
from coverpay import books as proof
from coverpay import nightly
from coverpay.kernel import clock
from coverpay.kernel.errors import DomainError
from coverpay.kernel.money import Money
from payments import attempts, collection, refunds
from payments.gateways.sandbox import Sandbox
from payments.models import Payment, Refund
from policies import (
    audits,
    cancellations,
    earning,
    endorsements,
    expirations,
    reinstatements,
    renewals,
    reversals,
    rewrites,
    transactions,
)
from policies.cancellations import CancellationRequest
from policies.endorsements import EndorsementRequest
from policies.models import Charge, Policy, Term, Transaction
from tests.support import books, late, world
from tests.support.books import House
from tests.support.database import undone
from tests.support.fixtures import NOW
from tests.support.lives import wrong_with
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
PLANS = ["full", "halves", "thirds", "monthly", "to-the-last"]
METHODS = ["flat", "pro_rata", "short_rate_90"]
REASONS = ["requested", "underwriting", "nonpayment"]
DAYS = st.integers(0, 364)


class Life(RuleBasedStateMachine):
    """One policy's days. A refusal is fine, as long as it changes nothing; a tie that breaks is not."""

    house: House
    folder: Path
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.sandbox = Sandbox(self.folder / f"{type(self).runs}.sqlite3")
        self.settings = override_settings(SANDBOX_FILE=self.sandbox.books.file)
        self.clock, self.example = clock.frozen(NOW), undone()
        for context in (self.settings, self.clock, self.example):
            context.__enter__()
        plan = PLANS[type(self).runs % len(PLANS)]
        self.policy: Policy = books.bound(self.house, plan=plan, number="P-1", premium=Money(1_200_007))
        self.neighbor: Policy = books.bound(self.house, plan="halves", number="P-2", premium=Money(500_001))
        delinquency.publish(code="default", spec=late.FOLLOW, effective_from=books.SINCE, actor=self.house.me)
        late.settle_rules(self.house)
        self.other = world.actor(self.house.operator)
        self.rewritten = 0
        self.happened: list[str] = []

    def teardown(self) -> None:
        for context in (self.example, self.clock, self.settings):
            context.__exit__(None, None, None)

    @property
    def term(self) -> Term:
        return Term.objects.filter(policy=self.policy).order_by("-number")[0]

    def day(self, number: int) -> dt.date:
        return self.term.effective_on + dt.timedelta(days=number)

    def attempt(self, verb: Callable[[], Any]) -> Any:
        """Do it, or see it refused with nothing changed."""
        before = books.trial_balance(self.house), Transaction.objects.count()
        try:
            return verb()
        except DomainError as refusal:
            self.happened.append(refusal.code)
            assert (books.trial_balance(self.house), Transaction.objects.count()) == before
            return None

    @rule(days=st.sampled_from([1, 9, 31, 120]))
    def time_passes(self, days: int) -> None:
        clock.advance(dt.timedelta(days=days))

    @rule()
    def bill(self) -> None:
        self.attempt(lambda: invoices.issue(policy_id=self.policy.id, actor=self.house.me))

    @rule(percent=st.sampled_from([13, 50, 100]))
    def pay(self, percent: int) -> None:
        invoice = Invoice.objects.filter(policy=self.policy, state="open").order_by("due_on", "id").first()
        if invoice is not None:
            part = max(1, invoices.open_minor(invoice) * percent // 100)
            payment = collection.collect(
                invoice_id=invoice.id, method="card", token="tok_ok", amount_minor=part, actor=self.house.me
            )
            attempts.submit(payment.attempts.get().id)

    @rule(number=st.integers(0, 30))
    def refund(self, number: int) -> None:
        """Give a payment back whole."""
        paid = list(Payment.objects.filter(state="succeeded", policy=self.policy).order_by("id"))
        if paid:
            asked = self.attempt(lambda: self._refund(paid[number % len(paid)]))
            if asked is not None:
                refunds.submit(asked.id)

    def _refund(self, payment: Payment) -> Refund:
        return refunds.request(payment_id=payment.id, reason="asked for", actor=self.house.me)

    @rule(premium=st.sampled_from([0, 300_000, 900_001, 1_200_007, 2_500_000]), day=DAYS, later=st.booleans())
    def endorse(self, premium: int, day: int, later: bool) -> None:
        request = EndorsementRequest(
            effective_on=self.day(day), reason="change", new_full_term_minor=premium,
            later="carry" if later else "until_next",
        )  # fmt: skip
        self.attempt(lambda: endorsements.endorse(policy_id=self.policy.id, request=request, actor=self.house.me))

    @rule(premium=st.sampled_from([300_000, 2_500_000]), day=DAYS)
    def endorse_and_undo_restores_every_balance(self, premium: int, day: int) -> None:
        before, credits = self.standing(), LineCredit.objects.count()
        balances = books.trial_balance(self.house)
        request = EndorsementRequest(effective_on=self.day(day), reason="slip", new_full_term_minor=premium)
        made = self.attempt(
            lambda: endorsements.endorse(policy_id=self.policy.id, request=request, actor=self.house.me)
        )
        if made is not None:
            reversals.undo(policy_id=self.policy.id, transaction_id=made.id, reason="slip", actor=self.house.me)
            assert self.standing() == before
            if LineCredit.objects.count() == credits:
                assert books.trial_balance(self.house) == balances

    def standing(self) -> tuple[dict[str, int], list[int], int]:
        """What is charged by component, earned by day, and held of the payor's cash."""
        charged: Counter[str] = Counter()
        for charge in Charge.objects.filter(transaction__term=self.term):
            charged[charge.component] += charge.amount_minor
        slices = transactions.slices_of(self.term)
        earned = [earning.earned_minor(slices, self.day(day)) for day in range(0, 366, 5)]
        return {k: v for k, v in charged.items() if v}, earned, books.balance(self.house, "processor_clearing")

    @rule(day=DAYS, method=st.sampled_from([*METHODS, "short_rate_table"]),
          reason=st.sampled_from(REASONS))  # fmt: skip
    def cancel(self, day: int, method: str, reason: str) -> None:
        initiator = "insured" if reason == "requested" else "insurer"
        on = self.term.effective_on if method == "flat" else self.day(day)
        request = CancellationRequest(effective_on=on, method=method, reason=reason, initiator=initiator)
        self.attempt(lambda: cancellations.cancel(policy_id=self.policy.id, request=request, actor=self.house.me))

    @rule(take_back=st.booleans())
    def a_pending_cancellation_ends(self, take_back: bool) -> None:
        if take_back:
            self.attempt(lambda: cancellations.rescind(policy_id=self.policy.id, reason="paid", actor=self.house.me))
        else:
            self.attempt(lambda: cancellations.take_effect(policy_id=self.policy.id, actor=self.house.me))

    @rule(lapse=st.booleans())
    def reinstate(self, lapse: bool) -> None:
        ended = self.policy_now.terms.order_by("-number")[0].cancellations.filter(state="effective").first()
        if ended is not None:
            on = ended.effective_on + dt.timedelta(days=15 if lapse else 0)
            request = reinstatements.ReinstatementRequest(effective_on=on, no_loss=True, reason="paid")
            self.attempt(
                lambda: reinstatements.reinstate(policy_id=self.policy.id, request=request, actor=self.house.me)
            )

    @property
    def policy_now(self) -> Policy:
        return Policy.objects.get(pk=self.policy.pk)

    @rule()
    def undo_the_last_change(self) -> None:
        last = Transaction.objects.filter(term=self.term).order_by("-sequence")[0]
        self.attempt(
            lambda: reversals.undo(policy_id=self.policy.id, transaction_id=last.id, reason="slip", actor=self.house.me)
        )

    @rule(plan=st.sampled_from(PLANS), due_day=st.sampled_from([None, 5, 31]))
    def change_plan(self, plan: str, due_day: int | None) -> None:
        self.attempt(
            lambda: replan.change_plan(policy_id=self.policy.id, plan_code=plan, due_day=due_day, actor=self.house.me)
        )

    @rule(number=st.integers(0, 30))
    def void(self, number: int) -> None:
        standing = list(Invoice.objects.filter(policy=self.policy, state="open").order_by("id"))
        if standing:
            invoice = standing[number % len(standing)]
            self.attempt(lambda: voids.void(invoice_id=invoice.id, reason="wrong address", actor=self.house.me))

    @precondition(lambda self: self.rewritten < 2)
    @rule(day=st.integers(1, 300), kind=st.sampled_from(rewrites.TERMS))
    def rewrite(self, day: int, kind: str) -> None:
        """Cancel and write anew; the money goes along, and the story goes on with the new policy."""
        request = rewrites.RewriteRequest(
            effective_on=self.day(day), term=kind, number=f"P-1-R{self.rewritten + 1}", premium_minor=800_003,
            plan="halves", reason="new carrier form",
        )  # fmt: skip
        made = self.attempt(lambda: rewrites.rewrite(policy_id=self.policy.id, request=request, actor=self.house.me))
        if made is not None:
            self.rewritten, self.policy = self.rewritten + 1, made

    @rule()
    def the_night_passes(self) -> None:
        """Everything a date brings due: invoices, reminders, fees, notices, cancellations, renewals, small balances."""
        nightly.run(organization_id=self.house.operator.id, run_on=clock.today(), actor=self.house.me)

    @rule(number=st.integers(0, 30))
    def a_notice_is_mailed(self, number: int) -> None:
        waiting = list(Notice.objects.filter(state="prepared").order_by("id"))
        if waiting:
            notice = waiting[number % len(waiting)]
            self.attempt(
                lambda: notices.mail(
                    notice_id=notice.id, method="certificate", mailed_on=clock.today(), proof_reference="PS3817-1",
                    actor=self.house.me,
                )
            )  # fmt: skip

    @rule(premium=st.sampled_from([1_000_000, 1_500_000]))
    def offer_a_renewal(self, premium: int) -> None:
        request = renewals.RenewalRequest(premium_minor=premium)
        self.attempt(lambda: renewals.offer(policy_id=self.policy.id, request=request, actor=self.house.me))

    @rule(taken=st.booleans())
    def a_renewal_is_answered(self, taken: bool) -> None:
        if taken:
            self.attempt(lambda: renewals.accept(policy_id=self.policy.id, actor=self.house.me))
        else:
            self.attempt(lambda: renewals.decline(policy_id=self.policy.id, reason="no", actor=self.house.me))

    @rule(number=st.integers(0, 30), back=st.booleans())
    def carry_cash_to_another_policy(self, number: int, back: bool) -> None:
        """What waits may move to the neighbor, and come back."""
        receipts = list(Receipt.objects.filter(policy=self.policy, reversal=None).order_by("id"))
        if receipts:
            receipt = receipts[number % len(receipts)]
            made = self.attempt(
                lambda: distributions.transfer(
                    receipt_id=receipt.id, to_policy_id=self.neighbor.id, amount=None, reason="theirs",
                    actor=self.house.me,
                )
            )  # fmt: skip
            if made is not None and back:
                distributions.take_transfer_back(transfer_id=made.id, reason="not theirs", actor=self.house.me)

    @rule(number=st.integers(0, 30), again=st.booleans())
    def write_off(self, number: int, again: bool) -> None:
        """Someone else allows it; it may be asked for again later."""
        standing = list(Invoice.objects.filter(policy=self.policy, state="open").order_by("id"))
        if standing:
            invoice = standing[number % len(standing)]
            amount = Money(invoices.open_minor(invoice))
            asked = approvals.request(
                action="invoice.write_off", object_id=invoice.id, amount=amount, reason="small", actor=self.house.me
            )
            approvals.approve(permit_id=asked.id, actor=self.other)
            write_offs.write_off(invoice_id=invoice.id, reason="small", actor=self.house.me)
            if again:
                write_offs.take_back(invoice_id=invoice.id, reason="paid after all", actor=self.house.me)

    @rule(audited=st.sampled_from([0, 900_000, 1_700_000]))
    def audit(self, audited: int) -> None:
        request = audits.AuditRequest(audited_minor=audited, reason="payroll")
        self.attempt(lambda: audits.audit(policy_id=self.policy.id, request=request, actor=self.house.me))

    @rule()
    def the_term_runs_out(self) -> None:
        self.attempt(lambda: expirations.expire(policy_id=self.policy.id, actor=self.house.me))

    @invariant()
    def everything_ties(self) -> None:
        assert differences(self.house) == []
        assert proof.check(self.house.operator.id) == []
        for policy in Policy.objects.filter(operator=self.house.operator):
            assert wrong_with(policy) == []

    @invariant()
    def no_cash_is_lost(self) -> None:
        """What the processor holds for us is what receipts say came and stayed."""
        stood = sum(Receipt.objects.filter(kind="payment", reversal=None).values_list("amount_minor", flat=True))
        assert books.balance(self.house, "processor_clearing") == stood


def test_everything_ties_after_every_step_of_any_life(house: House, tmp_path: Path) -> None:
    life = type("ALife", (Life,), {"house": house, "folder": tmp_path})
    run_state_machine_as_test(life, settings=settings(max_examples=15, stateful_step_count=14))


@pytest.fixture
def life(house: House, tmp_path: Path) -> Iterator[Life]:
    begun = type("ALife", (Life,), {"house": house, "folder": tmp_path})()
    yield begun
    begun.teardown()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_ties_after_every_step_of_a_long_life(life: Life, seed: int) -> None:
    """Billing and paying often, as in a real book, so that changes meet open, part paid and paid invoices."""
    dice = random.Random(seed)
    steps: dict[Callable[[], None], int] = {
        life.bill: 8,
        lambda: life.pay(dice.choice([13, 50, 100])): 8,
        lambda: life.time_passes(dice.choice([1, 9, 31])): 6,
        lambda: life.endorse(dice.choice([300_000, 900_001, 2_500_000]), dice.randrange(365), dice.random() < 0.5): 4,
        lambda: life.endorse_and_undo_restores_every_balance(dice.choice([300_000, 2_500_000]), dice.randrange(365)): 2,
        lambda: life.cancel(dice.randrange(365), dice.choice(METHODS), dice.choice(REASONS)): 2,
        lambda: life.a_pending_cancellation_ends(dice.random() < 0.5): 2,
        lambda: life.reinstate(dice.random() < 0.5): 4,
        life.undo_the_last_change: 2,
        lambda: life.change_plan(dice.choice(PLANS), dice.choice([None, 5, 31])): 1,
        lambda: life.void(dice.randrange(9)): 1,
        lambda: life.refund(dice.randrange(9)): 1,
        lambda: life.audit(dice.choice([900_000, 1_700_000])): 1,
        life.the_term_runs_out: 1,
        life.the_night_passes: 6,
        lambda: life.a_notice_is_mailed(dice.randrange(9)): 3,
        lambda: life.offer_a_renewal(1_000_000): 1,
        lambda: life.a_renewal_is_answered(dice.random() < 0.6): 1,
        lambda: life.carry_cash_to_another_policy(dice.randrange(9), dice.random() < 0.5): 2,
        lambda: life.write_off(dice.randrange(9), dice.random() < 0.5): 1,
    }
    for step in dice.choices(list(steps), weights=list(steps.values()), k=45):
        step()
        life.everything_ties()
        life.no_cash_is_lost()
