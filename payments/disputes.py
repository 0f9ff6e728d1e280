"""Disputes: what a processor tells of them, what becomes of the money, and our answer, sent once.

News enters by one door, `record_news`, whatever brings it. Money that is withdrawn is drawn from the payment's receipts
like a refund; what is won comes back to the very receipts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.conf import settings

from billing.models import CashOut, ReceiptReversal
from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import card_numbers, clock, commands, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import Money
from payments import accounts, contradictions, journal, outcomes, recovery, sweeps, takings
from payments.errands import SWEEPER
from payments.gateways.base import ContestsDisputes, DisputeNews, DisputeStatus, NotSent, Outcome, Status
from payments.models import Attempt, Dispute, GatewayAccount, Payment

State = Dispute.State
_RANK = {State.NEEDS_RESPONSE: 0, State.UNDER_REVIEW: 1, State.WON: 2, State.LOST: 2}
EVIDENCE = {
    "explanation": "Why the charge is right",
    "customer_name": "Name of the insured",
    "customer_email_address": "E-mail address of the insured",
    "service_date": "Since when cover was in force",
    "product_description": "What was insured",
    "access_activity_log": "When and from where leave to charge was given",
    "customer_communication": "What was written to and by the insured",
    "refund_policy": "How a cancelled policy is refunded",
}
"""What may be said in an answer, by name, in words."""
MOST_CHARACTERS = 5_000
CONTEST, ACCEPT = "contest", "accept"


class DisputeNotOpen(Conflict):
    """The dispute waits for no answer: it was given, the day has passed, or the dispute is decided."""

    code = "dispute_not_open"


class CannotAnswer(Conflict):
    """This processor takes no answers by its API; answer at its own site."""

    code = "cannot_answer"


@command
def record_news(*, attempt_id: str, news: DisputeNews, actor: Actor) -> Dispute | None:
    """The one door for news about disputes; late, repeated and out-of-order news is harmless.

    Gives:  the dispute; nothing as long as the charge itself is undecided: then the news is to be told again later.
    """
    attempt = outcomes.locked(attempt_id)
    if attempt.state in Attempt.LIVE:
        commands.unchanged()
        return None
    dispute = Dispute.objects.filter(attempt=attempt, gateway_reference=news.dispute).first()
    if dispute is None:
        dispute = _opened(attempt, news)
    dispute.attempt, dispute.payment = attempt, attempt.payment
    known = Money(dispute.amount_minor, dispute.currency)
    if news.amount != known:
        if contradictions.amount_differs(attempt, known, news.amount, subject_id=dispute.id) is None:
            commands.unchanged()
        return dispute
    _enter(dispute, news)
    return dispute


@step
def _opened(attempt: Attempt, news: DisputeNews) -> Dispute:
    dispute = Dispute.objects.create(
        payment=attempt.payment,
        attempt=attempt,
        gateway_reference=texts.shown(news.dispute, 80),
        amount_minor=news.amount.amount_minor,
        currency=news.amount.currency,
        reason=texts.shown(news.reason, 80),
        evidence_due_at=news.evidence_due_at,
    )
    dispute.attempt, dispute.payment = attempt, attempt.payment
    if attempt.state != Attempt.State.SUCCEEDED:
        contradictions.said_otherwise(attempt, attempt, Outcome(Status.SUCCEEDED))
    _tell("dispute.opened", dispute, after={"amount_minor": dispute.amount_minor, "reason": dispute.reason})
    return dispute


@step
def _enter(dispute: Dispute, news: DisputeNews) -> None:
    """Let news about a locked dispute take effect, once."""
    status = State(news.status.value)
    before = dispute.state
    if _is_stale(dispute, status, news):
        commands.unchanged()
        return
    if before == State.LOST and status == State.WON and dispute.payment.state == Payment.State.RETURNED:
        said = Outcome(Status.SUCCEEDED, dispute.gateway_reference)
        if contradictions.said_otherwise(dispute.attempt, dispute.attempt, said) is None:
            commands.unchanged()
        return
    if news.evidence_due_at is not None:
        dispute.evidence_due_at = news.evidence_due_at
    moved = _funds(dispute, status, news)
    if status != before:
        _move(dispute, status)
    elif not moved:
        commands.unchanged()
    dispute.save()


def _is_stale(dispute: Dispute, status: State, news: DisputeNews) -> bool:
    """News from before what we know. More evidence wanted after all shows by a later day."""
    if _RANK[status] >= _RANK[State(dispute.state)]:
        return False
    due, known = news.evidence_due_at, dispute.evidence_due_at
    asks_again = dispute.state == State.UNDER_REVIEW and due is not None and known is not None and due > known
    return not asks_again


def _move(dispute: Dispute, status: State) -> None:
    before = dispute.state
    moves = {
        State.NEEDS_RESPONSE: dispute.ask_again,
        State.UNDER_REVIEW: dispute.answered,
        State.WON: dispute.win,
        State.LOST: dispute.lose,
    }
    moves[status]()
    if status in (State.WON, State.LOST):
        dispute.decided_at = clock.now()
        dispute.next_check_at = None
    if status == State.NEEDS_RESPONSE:
        dispute.answer = ""
    if status == State.LOST and dispute.payment.state == Payment.State.DISPUTED:
        dispute.payment.lose()
        dispute.payment.save(update_fields=["state"])
    words = {State.WON: "dispute.won", State.LOST: "dispute.lost", State.UNDER_REVIEW: "dispute.answered"}
    _tell(words.get(status, "dispute.opened"), dispute, before={"state": before}, after={"state": dispute.state})


def _funds(dispute: Dispute, status: State, news: DisputeNews) -> bool:
    """Follow the money: withdrawn for the time being or for good, or back. Gives: whether it moved."""
    if status == State.WON and dispute.withdrawn:
        _come_back(dispute)
        return True
    if status != State.WON and news.withdrawn and not dispute.withdrawn:
        _withdraw(dispute)
        return True
    return False


@step
def _withdraw(dispute: Dispute) -> None:
    """The processor took the money back: what the payment brought is drawn from its receipts."""
    attempt, payment = dispute.attempt, dispute.payment
    dispute.withdrawn = True
    if attempt.state != Attempt.State.SUCCEEDED:
        _tell("dispute.withdrawn", dispute, after={"withdrawn": True})
        return
    before, _ = takings.given_back(payment)
    all_of_it = before + dispute.amount_minor >= (attempt.taken_minor or attempt.amount_minor)
    source_id = _source(dispute, withdrawals=_withdrawals(dispute) + 1)
    overdrawn = takings.draw(
        attempt,
        source_id=source_id,
        kind=journal.DISPUTE_WITHDRAWN,
        amount=Money(dispute.amount_minor, dispute.currency),
        surcharge_minor=takings.surcharge_share(attempt, dispute.amount_minor),
        reason=ReceiptReversal.Reason.DISPUTED,
    )
    if overdrawn:
        contradictions.overdrawn(attempt, overdrawn, by=source_id)
    _tell("dispute.withdrawn", dispute, after={"withdrawn": True})
    if payment.state == Payment.State.SUCCEEDED and all_of_it:
        payment.dispute()
        payment.save(update_fields=["state"])
        recovery.failed_locked(payment, attempt)


@step
def _come_back(dispute: Dispute) -> None:
    """What was withdrawn is back: at the very receipts, covering again what is open."""
    payment = dispute.payment
    dispute.withdrawn = False
    if dispute.attempt.state != Attempt.State.SUCCEEDED:
        return
    if payment.state == Payment.State.DISPUTED:
        payment.win()
        payment.save(update_fields=["state"])
    takings.put_back(_source(dispute, withdrawals=_withdrawals(dispute)))
    recovery.paid_locked([part.invoice_id for part in payment.parts.all()])


def _withdrawals(dispute: Dispute) -> int:
    """How often the money was withdrawn so far."""
    rows = CashOut.objects.filter(source_id__startswith=dispute.id, reverses__isnull=True)
    return rows.values("source_id").distinct().count()


def _source(dispute: Dispute, *, withdrawals: int) -> str:
    """What cash outs of a withdrawal name as source: the dispute, and which time it was from the second on."""
    return dispute.id if withdrawals == 1 else f"{dispute.id}/{withdrawals}"


@command
def contest(*, dispute_id: str, evidence: Mapping[str, str], actor: Actor) -> Dispute:
    """Answer a dispute with evidence; a worker sends it after the commit, once.

    Takes:  texts by the names of EVIDENCE, at least one.
    Raises: NotFound, Forbidden, DisputeNotOpen, CannotAnswer, Invalid, BadText, CardNumberRefused.
    """
    dispute = _answerable(dispute_id, actor)
    unknown = sorted(set(evidence) - set(EVIDENCE))
    if unknown:
        raise Invalid(f"{unknown[0]} is none of {', '.join(EVIDENCE)}.", field="evidence")
    said = {name: _checked(text) for name, text in evidence.items() if text.strip()}
    if not said:
        raise Invalid("Say at least why the charge is right.", field="evidence")
    dispute.evidence = said
    return _plan(dispute, CONTEST)


def _checked(text: str) -> str:
    """A text of evidence, line by line. Raises: BadText, CardNumberRefused."""
    lines = [texts.line(line, field="evidence", at_most=MOST_CHARACTERS, empty=True) for line in text.splitlines()]
    joined = "\n".join(lines).strip()
    if len(joined) > MOST_CHARACTERS:
        raise Invalid(f"One text of evidence has at most {MOST_CHARACTERS} characters.", field="evidence")
    return card_numbers.refused_in(joined, field="evidence")


@command
def accept(*, dispute_id: str, reason: str, actor: Actor) -> Dispute:
    """Give in to a dispute: the money is the payor's. Raises: as `contest`; BadText without a reason."""
    dispute = _answerable(dispute_id, actor)
    return _plan(dispute, ACCEPT, reason=texts.line(reason, field="reason", at_most=300))


def answer(dispute_id: str) -> None:
    """Send the answer to a dispute: command, network, command."""
    dispute, account = _begin(dispute_id=dispute_id, actor=SWEEPER)
    if dispute is None or account is None:
        return
    gateway = accounts.gateway_of(account)
    if not isinstance(gateway, ContestsDisputes):
        return
    try:
        if dispute.answer == CONTEST:
            due = dispute.evidence_due_at
            reference = f"{dispute.id}-{int(due.timestamp()) if due else 0}"
            status = gateway.contest(
                account.merchant, dispute.gateway_reference, reference=reference, evidence=dispute.evidence
            )
        else:
            status = gateway.accept_dispute(account.merchant, dispute.gateway_reference)
    except NotSent:
        return
    _sent(dispute_id=dispute_id, status=status, actor=SWEEPER)


def sweep(limit: int = 200) -> int:
    """Send every answer that is due. Gives how many it touched."""
    due = Dispute.objects.filter(next_check_at__lte=clock.now()).order_by("next_check_at")
    return sweeps.each(list(due.values_list("id", flat=True)[:limit]), answer)


@command
def _begin(*, dispute_id: str, actor: Actor) -> tuple[Dispute | None, GatewayAccount | None]:
    """Take the answer on; whatever dies from here on, it is sent again under the same reference."""
    dispute = _locked(dispute_id)
    if dispute.next_check_at is None or not dispute.answer:
        commands.unchanged()
        return None, None
    dispute.next_check_at = clock.now() + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    dispute.save(update_fields=["next_check_at"])
    _audit("dispute.send", dispute, {}, {"answer": dispute.answer})
    return dispute, dispute.attempt.account


@command
def _sent(*, dispute_id: str, status: DisputeStatus, actor: Actor) -> None:
    """Our answer is with the processor; what it says of the dispute is news like any other."""
    dispute = _locked(dispute_id)
    if dispute.next_check_at is None:
        commands.unchanged()
        return
    dispute.next_check_at = None
    if dispute.answer == CONTEST:
        dispute.evidence_sent_at = clock.now()
    dispute.save(update_fields=["next_check_at", "evidence_sent_at"])
    _audit("dispute.sent", dispute, {}, {"answer": dispute.answer, "says": status.value})
    amount = Money(dispute.amount_minor, dispute.currency)
    withdrawn = dispute.withdrawn or dispute.answer == ACCEPT
    news = DisputeNews(dispute.attempt_id, dispute.gateway_reference, status, amount, withdrawn=withdrawn)
    if State(status.value) != dispute.state:
        _enter(dispute, news)


@step
def _answerable(dispute_id: str, actor: Actor) -> Dispute:
    """The locked dispute, when it waits for an answer and its processor takes one."""
    access.get_operable(actor, Dispute.objects.all(), dispute_id, permission=Permission.PAYMENTS_WRITE, field="dispute")
    dispute = _locked(dispute_id)
    if dispute.state != State.NEEDS_RESPONSE or dispute.next_check_at is not None:
        said = "being answered" if dispute.next_check_at else dispute.get_state_display().lower()
        raise DisputeNotOpen(f"The dispute is {said}; it waits for no answer.", field="dispute")
    if dispute.evidence_due_at is not None and dispute.evidence_due_at < clock.now():
        raise DisputeNotOpen(f"Evidence was due by {dispute.evidence_due_at:%Y-%m-%d %H:%M} UTC.", field="dispute")
    if not takes_answers(dispute):
        raise CannotAnswer(f"Answer at the site of {dispute.attempt.account}.", field="dispute")
    return dispute


def takes_answers(dispute: Dispute) -> bool:
    """Whether the processor takes an answer by its API."""
    return isinstance(accounts.gateway_of(dispute.attempt.account), ContestsDisputes)


@step
def _plan(dispute: Dispute, answer: str, *, reason: str = "") -> Dispute:
    dispute.answer = answer
    dispute.next_check_at = clock.now()
    dispute.save(update_fields=["answer", "evidence", "next_check_at"])
    _audit(f"dispute.{answer}", dispute, {}, {"answer": answer, "evidence": sorted(dispute.evidence)}, reason)
    jobs.wake("payments.answer_dispute", dispute.id)
    return dispute


@step
def _locked(dispute_id: str) -> Dispute:
    """Lock the dispute's payment, then read it. Raises: NotFound."""
    found = Dispute.objects.filter(pk=dispute_id).values_list("payment_id", flat=True).first()
    outcomes.lock_payment(found, "dispute")
    rows = Dispute.objects.select_related("attempt__account", "attempt__payment__policy__program")
    dispute = rows.get(pk=dispute_id)
    dispute.payment = dispute.attempt.payment
    return dispute


def _audit(
    action: str, dispute: Dispute, before: Mapping[str, object], after: Mapping[str, object], reason: str = ""
) -> None:
    audit.record(
        action=action,
        object_id=dispute.id,
        organization_id=dispute.payment.policy.operator_id,
        before=dict(before),
        after=dict(after),
        reason=reason,
    )


def _tell(
    type: str, dispute: Dispute, *, before: Mapping[str, object] | None = None, after: Mapping[str, object]
) -> None:
    _audit(type, dispute, before or {}, after)
    events.record(
        type=type,
        organization_id=dispute.payment.policy.operator_id,
        object_id=dispute.id,
        subject_id=dispute.payment.policy_id,
        data={
            "dispute": dispute.id,
            "payment": dispute.payment_id,
            "policy": dispute.payment.policy_id,
            "amount_minor": dispute.amount_minor,
            "currency": dispute.currency,
            "reason": dispute.reason,
            "evidence_due_at": dispute.evidence_due_at.isoformat() if dispute.evidence_due_at else None,
        },
    )
