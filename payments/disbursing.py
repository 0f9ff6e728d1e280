"""Move on disbursements that are due: screen, approve, send, and ask how those that were sent stand.

State is the queue. Screening may ask a service, so it runs between two commands; sending by ACH or by the original
method only plans rows of our own, which their own workers send.
"""

from __future__ import annotations

import datetime as dt

from compliance import approvals, screening
from compliance.models import Permit, Screening
from compliance.screening import Checked
from coverpay.kernel import actors, clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import ApprovalRequired
from coverpay.kernel.money import Money
from payments import checks, disbursement_ways, disbursements, sweeps
from payments.disbursement_ways import Standing
from payments.disbursements import move, tell
from payments.models import Disbursement

S = Disbursement.State
PAYER = actors.system("disbursements")
ASK_AGAIN = dt.timedelta(minutes=5)
STEPS = 4
"""Screened, approved, sent, looked at."""


def sweep(limit: int = 200) -> int:
    """Move on every disbursement that is due. Gives how many it touched."""
    due = Disbursement.objects.filter(next_check_at__lte=clock.now()).order_by("next_check_at")
    return sweeps.each(list(due.values_list("id", flat=True)[:limit]), advance)


def sweep_issued(limit: int = 500) -> int:
    """Clear issued checks the bank has shown, and mark those that grew stale. Gives how many it touched."""
    by_check = Disbursement.objects.filter(state__in=[S.ISSUED, S.STALE], method=Disbursement.Method.CHECK)
    return sweeps.each(list(by_check.order_by("id").values_list("id", flat=True)[:limit]), _look_at_bank)


def follow(disbursement_id: str) -> None:
    """Take every step of one disbursement that can be taken now."""
    for _ in range(STEPS):
        if not Disbursement.objects.filter(pk=disbursement_id, next_check_at__lte=clock.now()).exists():
            return
        advance(disbursement_id)


def advance(disbursement_id: str) -> None:
    """Take the next step of one disbursement; doing it twice, or at once, does no harm."""
    made = Disbursement.objects.get(pk=disbursement_id)
    if made.state == S.REQUESTED and not _screened(made):
        checked = screening.check(made.payee_name)
        _keep_screening(disbursement_id=made.id, checked=checked, actor=PAYER)
    elif made.state == S.REQUESTED:
        _approve(disbursement_id=made.id, actor=PAYER)
    elif made.state == S.APPROVED:
        _send(disbursement_id=made.id, actor=PAYER)
    else:
        _follow(disbursement_id=made.id, actor=PAYER)


@command
def _keep_screening(*, disbursement_id: str, checked: Checked, actor: Actor) -> None:
    """Keep what the screening said; a possible match holds the disbursement until a person decided."""
    made = disbursements.locked(disbursement_id, actor)
    if made.state != S.REQUESTED:
        commands.unchanged()
        return
    found = screening.record(
        organization_id=made.organization_id, subject_id=made.payee_id, name=made.payee_name, checked=checked
    )
    made.screening_id = found.id
    made.next_check_at = clock.now()
    made.save(update_fields=["screening_id", "next_check_at"])
    if found.state == Screening.State.POSSIBLE:
        disbursements.hold_locked(made, f"{made.payee_name} is like a name on a list of blocked persons.")


@command
def _approve(*, disbursement_id: str, actor: Actor) -> None:
    """Approve what is screened and, above the limit, allowed by another; what was refused is cancelled."""
    made = disbursements.locked(disbursement_id, actor)
    if made.state != S.REQUESTED:
        commands.unchanged()
        return
    permit = Permit.objects.filter(pk=made.permit_id).first()
    if permit is not None and permit.state == Permit.State.REFUSED:
        move(made, "cancel", next_check_at=None, outcome_message=permit.decided_reason)
        tell("disbursement.cancelled", made, reason=permit.decided_reason)
    elif permit is None or permit.state == Permit.State.USED or _consumed(made, actor):
        move(made, "approve", next_check_at=_sent_next(made))
        tell("disbursement.approved", made)
    else:
        made.next_check_at = clock.now() + ASK_AGAIN
        made.save(update_fields=["next_check_at"])
        commands.unchanged()


@command
def _send(*, disbursement_id: str, actor: Actor) -> None:
    """Send an approved disbursement its way, once; one whose cash was used meanwhile is held."""
    made = disbursements.locked(disbursement_id, actor)
    if made.state != S.APPROVED or made.method == Disbursement.Method.CHECK:
        commands.unchanged()
        return
    refusal = disbursement_ways.send(made, actor)
    if refusal:
        disbursements.hold_locked(made, refusal)
        return
    move(made, "submit", submit_count=made.submit_count + 1)
    if made.method == Disbursement.Method.ACH:
        checks.issue_locked(made)
    made.next_check_at = clock.now() + ASK_AGAIN
    made.save(update_fields=["next_check_at"])
    tell("disbursement.sent", made)


@command
def _follow(*, disbursement_id: str, actor: Actor) -> None:
    """See how a sent disbursement stands, by the rows that carry it, and move it there."""
    made = disbursements.locked(disbursement_id, actor)
    standing = disbursement_ways.standing(made) if made.state in disbursement_ways.FOLLOWED else None
    if standing is None or not _moved(made, standing):
        made.next_check_at = _looked_at_next(made)
        made.save(update_fields=["next_check_at"])
        commands.unchanged()


@command
def _clear_or_stale(*, disbursement_id: str, actor: Actor) -> None:
    made = disbursements.locked(disbursement_id, actor)
    seen = checks.seen_at_bank(made)
    if seen is not None and made.state in (S.ISSUED, S.STALE):
        move(made, "clear", cleared_on=seen)
        tell("disbursement.cleared", made)
    elif checks.is_stale(made, clock.today()):
        move(made, "grow_stale")
        tell("disbursement.stale", made)
    else:
        commands.unchanged()


def _look_at_bank(disbursement_id: str) -> None:
    _clear_or_stale(disbursement_id=disbursement_id, actor=PAYER)


@step
def _moved(made: Disbursement, standing: Standing) -> bool:
    """Move a sent disbursement to where it stands. Gives: whether anything changed."""
    if standing is Standing.GONE and made.state in (S.SUBMITTED, S.UNKNOWN):
        move(made, "fail", next_check_at=None, outcome_message="It was refused or withdrawn before it went out.")
        tell("disbursement.failed", made)
    elif standing is Standing.PAID and made.state in (S.SUBMITTED, S.UNKNOWN):
        move(made, "issue", issued_on=clock.today(), next_check_at=clock.now())
        tell("disbursement.issued", made)
    elif standing is Standing.PAID and made.state == S.ISSUED:
        move(made, "clear", cleared_on=clock.today(), next_check_at=disbursement_ways.watched_until(made))
        tell("disbursement.cleared", made)
    elif standing is Standing.BACK and made.state in (S.ISSUED, S.CLEARED):
        move(made, "send_back", next_check_at=None)
        checks.give_back(made)
        tell("disbursement.returned", made)
    else:
        return False
    return True


@step
def _consumed(made: Disbursement, actor: Actor) -> bool:
    """Use the permit, if it is approved by now."""
    amount = Money(made.amount_minor, made.currency)
    try:
        approvals.consume(
            organization_id=made.organization_id,
            action=disbursements.ISSUE,
            object_id=made.id,
            amount=amount,
            actor=actor,
        )
    except ApprovalRequired:
        return False
    return True


def _screened(made: Disbursement) -> bool:
    """Whether the newest screening of it found nothing, or a person cleared it."""
    found = Screening.objects.filter(pk=made.screening_id, name=made.payee_name).first()
    return found is not None and found.state in (Screening.State.CLEAR, Screening.State.CLEARED)


def _looked_at_next(made: Disbursement) -> dt.datetime | None:
    if made.state == S.CLEARED:
        return disbursement_ways.watched_until(made)
    return clock.now() + ASK_AGAIN if made.state in disbursement_ways.FOLLOWED else None


def _sent_next(made: Disbursement) -> dt.datetime | None:
    """Checks wait for the next run; all else is sent at once."""
    return None if made.method == Disbursement.Method.CHECK else clock.now()
