"""What comes next for a policy, by date, and what a person may do about it now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.urls import reverse

from billing.models import Delinquency, Invoice, InvoiceLine
from billing.standing import FEES
from compliance import access
from compliance.permissions import Permission
from coverpay.dashboard.cover import TermShown
from coverpay.dashboard.money import Money
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from policies.models import Policy, Term

P = Permission


@dataclass(frozen=True, slots=True)
class Next:
    """One thing that comes next: when, what, how much."""

    on: dt.date
    words: str
    amount_minor: int | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done now, and the page that does it."""

    words: str
    url: str
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Actions:
    """What can be done now: the likely next step as buttons, the rest by subject."""

    main: list[Action]
    cover: list[Action]
    money: list[Action]

    def __bool__(self) -> bool:
        return bool(self.main or self.cover or self.money)


def upcoming(
    policy: Policy, terms: list[TermShown], money: Money | None, past_due: list[Delinquency], today: dt.date
) -> list[Next]:
    """What comes next, soonest first."""
    found = [*_of_cover(terms, today), *(_of_money(money, today) if money else ()), *_of_past_due(past_due)]
    return sorted(found, key=lambda row: (row.on, not row.urgent))


def _of_cover(terms: list[TermShown], today: dt.date) -> Iterator[Next]:
    for shown in terms:
        if shown.pending:
            words = f"Cancellation takes effect: {shown.pending.get_reason_display().lower()}"
            yield Next(shown.pending.effective_on, words, urgent=True)
        if shown.term.state == Term.State.OFFERED:
            words = "Renewal begins, if it is accepted" if shown.term.number > 1 else "Cover begins, if it is bound"
            yield Next(shown.term.effective_on, words)
        elif shown.term.state == Term.State.IN_FORCE and shown.term.expires_on >= today:
            yield Next(shown.term.expires_on, "Cover ends")


def _of_money(money: Money, today: dt.date) -> Iterator[Next]:
    bill, invoice = money.next_bill(), money.next_due()
    if bill is not None:
        yield Next(bill.bill_on, "Next bill", bill.total_minor)  # type: ignore[attr-defined]
    if invoice is not None:
        late = invoice.due_on < today
        words = f"Invoice {invoice.number} {'was' if late else 'is'} due"
        yield Next(invoice.due_on, words, invoice.open_minor, urgent=late)  # type: ignore[attr-defined]
    for row in money.returns:
        if row.undone or row.refundable_minor <= 0:  # type: ignore[attr-defined]
            continue
        if row.due_on is not None and row.due_on >= today:
            yield Next(row.due_on, "Return premium must be paid by then", row.refundable_minor, urgent=True)


def _of_past_due(past_due: list[Delinquency]) -> Iterator[Next]:
    for row in past_due:
        if row.state == Delinquency.State.ACTIVE and row.next_on:
            yield Next(row.next_on, "Next step of the past due process", urgent=True)
        if row.state == Delinquency.State.HELD and row.held_until:
            yield Next(row.held_until, "The hold on the past due process ends")


def actions(actor: Actor, policy: Policy, terms: list[TermShown], *, operates: bool, due_to_bill: bool) -> Actions:
    """What this actor may do with the policy in its present state."""
    found = Actions([], [], [])
    if operates and access.may(actor, P.POLICIES_WRITE):
        _cover_actions(found, policy, terms)
    if operates and access.may(actor, P.BILLING_WRITE):
        _money_actions(found, policy, terms)
    return found


def _cover_actions(found: Actions, policy: Policy, terms: list[TermShown]) -> None:
    def to(name: str, words: str, *, danger: bool = False) -> Action:
        return Action(words, reverse(name, args=[policy.id]), danger)

    state = Policy.State
    pending = next((shown.pending for shown in terms if shown.pending), None)
    offered = any(shown.term.state == Term.State.OFFERED and shown.term.number > 1 for shown in terms)
    if policy.state == state.QUOTED:
        found.main.extend([to("policies:decline", "Not taken"), to("bind", "Bind…")])
    if policy.state in Policy.IN_FORCE:
        found.main.append(to("endorse", "Endorse…"))
        if policy.state == state.BOUND:
            found.cover.append(to("policies:issued", "Mark as issued…"))
        if not offered:
            found.cover.append(to("offer-renewal", "Offer renewal…"))
        found.cover.append(to("rewrite", "Cancel and rewrite…"))
        found.cover.append(to("policies:expire", "Expire…"))
        if not pending:
            found.cover.append(to("cancel", "Cancel…", danger=True))
    if pending:
        found.main.append(to("policies:rescind", "Rescind cancellation…"))
        if pending.effective_on <= clock.today():
            found.cover.append(to("policies:take-effect", "Let the cancellation take effect…", danger=True))
    if offered:
        found.main.append(to("policies:accept-renewal", "Accept renewal…"))
        found.cover.append(to("policies:decline-renewal", "Renewal not taken…", danger=True))
    if policy.state == state.CANCELLED:
        found.main.append(to("reinstate", "Reinstate…"))
    if policy.state in (state.EXPIRED, state.CANCELLED, *Policy.IN_FORCE):
        found.cover.insert(0, to("audit", "Premium audit…"))


def _money_actions(found: Actions, policy: Policy, terms: list[TermShown]) -> None:
    if policy.state in Policy.IN_FORCE:
        found.money.append(Action("Change plan or due day…", reverse("change-plan", args=[policy.id])))


def invoice_actions(invoice: Invoice, lines: Iterable[InvoiceLine]) -> list[Action]:
    """What can be done with an invoice in its present state."""

    def to(name: str, words: str, *, danger: bool = False) -> Action:
        return Action(words, reverse(f"billing:{name}", args=[invoice.id]), danger)

    found = []
    if any(line.component in FEES for line in lines) and invoice.state in (Invoice.State.OPEN, Invoice.State.PAID):
        found.append(to("waive", "Waive a fee…"))
    if invoice.state == Invoice.State.OPEN:
        found += [to("write-off", "Write off what is open…"), to("void", "Void…", danger=True)]
    if invoice.state == Invoice.State.WRITTEN_OFF:
        found.append(to("ask-again", "Ask for it again…"))
    return found
