"""Changes of a term for tests of billing: a transaction with signed charges, and what it does to the schedule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from billing import cash, schedules, slots, standing
from billing.models import Schedule
from compliance import audit
from coverpay.kernel import clock, ids
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from policies import locks
from policies.models import Charge, Policy, Term, Transaction
from reconciliation.ledger import accounts, posting
from reconciliation.ledger.posting import Posting, credit, debit
from tests.support import books
from tests.support.books import House


@contextmanager
def on(day: dt.date) -> Iterator[None]:
    """Let it be noon of a day."""
    with clock.frozen(dt.datetime.combine(day, dt.time(12), dt.UTC)):
        yield


def planned(house: House, code: str, spec: dict[str, Any], **more: Any) -> Policy:
    """A policy bound on a plan of this spec."""
    schedules.publish_plan(code=code, name=code.title(), spec=spec, effective_from=books.SINCE, actor=house.me)
    return books.bound(house, plan=code, **more)


def changed(
    house: House, policy: Policy, kind: str = "endorsement", mode: str | None = None, **components: int
) -> Schedule:
    """Charge so much more (less) of each component the policy has already, and adjust the schedule.

    A cancellation cancels the term first, a reinstatement takes it up again.
    """
    return _changed(policy_id=policy.id, kind=kind, mode=mode, components=components, actor=house.me)


@command
def _changed(*, policy_id: str, kind: str, mode: str | None, components: dict[str, int], actor: Actor) -> Schedule:
    policy = locks.lock(policy_id)
    term = policy.terms.order_by("-number")[0]
    if kind == "cancellation":
        term.cancel()
    elif kind == "reinstatement":
        term.reinstate()
    term.save(update_fields=["state"])
    sequence = term.transactions.count() + 1
    transaction = Transaction.objects.create(term=term, sequence=sequence, kind=kind, effective_on=clock.today())
    for component, minor in components.items():
        charge = Charge.objects.filter(policy=policy, component=component).latest("id")
        Charge.objects.create(
            policy=policy, transaction=transaction, component=component, amount_minor=minor, currency=charge.currency,
            payee_kind=charge.payee_kind, payee=charge.payee, commission_ppm=charge.commission_ppm,
        )  # fmt: skip
    audit.record(action="test.change", object_id=policy.id, organization_id=policy.operator_id)
    return schedules.adjust(policy, term, transaction.id, reason="Vehicle added", mode=mode)


def receive(house: House, policy: Policy, amount_minor: int) -> None:
    """Money comes for a policy and is applied to what is open."""
    _receive(policy_id=policy.id, amount_minor=amount_minor, actor=house.me)


@command
def _receive(*, policy_id: str, amount_minor: int, actor: Actor) -> None:
    policy = locks.lock(policy_id)
    amount = Money(amount_minor)
    receipt = cash.receive(policy, source_id=ids.new("src"), amount=amount, received_on=clock.today())
    book_id = accounts.open_book(policy.operator_id).id
    sides = (debit("trust_cash", amount, owner="test"), credit("unapplied_cash", amount))
    posting.post(Posting(book_id, clock.today(), receipt.id, "test.received", sides))
    cash.apply(receipt)


def dates(term: Term) -> list[tuple[str, int]]:
    """What is still to be billed: each due date and its total."""
    return [(slot.due_on.isoformat(), slot.total_minor) for slot in slots.unbilled(term)]


def ties(term: Term) -> bool:
    """Whether every key is billed and to be billed for exactly what is charged."""
    return all(
        each.charged_minor == each.billed_minor + each.unbilled_minor for each in standing.of_term(term).values()
    )
