"""Where money is now: each way it goes, stop by stop, as far as the reader may see; reads only.

A payment goes from being asked for to a line of the bank's statement; what comes back of it (refunds, returns,
disputes), deposits, and what is paid out go the same way. A stop is reached with its moment, is where the money is, or
lies ahead.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from compliance import access
from coverpay.kernel.actors import Actor
from payments import journal, queries
from payments.models import (
    AchEntry,
    AchFile,
    Attempt,
    Deposit,
    DepositItem,
    Disbursement,
    Dispute,
    Payment,
    Payout,
    PayoutLine,
    Refund,
)
from reconciliation.ledger.models import Entry
from reconciliation.models import Match

Kind = PayoutLine.Kind


@dataclass(frozen=True, slots=True)
class Stop:
    """One place money passes: reached (when), here now, or still ahead."""

    title: str
    detail: str
    at: dt.datetime | None = None
    object_id: str = ""
    here: bool = False


@dataclass(frozen=True, slots=True)
class Journey:
    """One way of money: what it is about, how much, and its stops. `over` says that nothing more will come."""

    title: str
    object_id: str
    amount_minor: int
    currency: str
    stops: Sequence[Stop]
    over: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known beside the payment: payout lines, bank matches, ACH entries with their files."""

    lines: Sequence[PayoutLine]
    matches: dict[str, Match]
    ach: dict[str, AchEntry]
    entered: dict[str, dt.datetime]

    def line(self, kind: str, reference: str, place: int = 0) -> PayoutLine | None:
        found = [line for line in self.lines if line.kind == kind and line.our_reference == reference]
        return found[place] if place < len(found) else None

    def paid_out(self, line: PayoutLine | None, *, left: bool) -> list[Stop]:
        """The last two stops: in a payout, and at the bank. `left`: the money left the processor's hands for sure."""
        match = self.matches.get(line.payout_id) if line else None
        return [_in_payout(line, left), _at_bank(line is not None, match)]


def of_payment(actor: Actor, payment: Payment, lines: Sequence[PayoutLine]) -> list[Journey]:
    """The payment's own way first, then what came back of it.

    Takes: what `queries.one` and `queries.payout_lines_of` gave.
    """
    seen = _seen(actor, payment, lines)
    return [
        _own(actor, payment, seen),
        *(_returned(payment, line, seen) for line in lines if line.kind == Kind.RETURN),
        *(_refund(refund, seen) for refund in payment.refunds.all()),
        *(_dispute(dispute, place, seen) for place, dispute in enumerate(payment.disputes.all())),
    ]


def of_disbursement(actor: Actor, made: Disbursement) -> Journey:
    """The way of money that is paid out: asked for, in a file or on a check, issued, on the statement."""
    entry = AchEntry.objects.filter(reference=made.id).select_related("file").order_by("-id").first()
    entered = _entered([made.id], journal.DISBURSEMENT_ISSUED)
    match = queries.bank_matches_of(actor, [made.id]).get(made.id)
    issued = entered.get(made.id)
    paper = f"check {made.check_number}" if made.check_number else made.get_method_display()
    stops = [
        Stop("Asked for", made.get_kind_display(), made.created_at),
        *([_in_file(entry)] if entry else []),
        Stop("Paid out", paper if issued else "not yet", issued),
        _at_bank(issued is not None, match),
    ]
    ended = made.state in (Disbursement.State.CANCELLED, Disbursement.State.FAILED, Disbursement.State.VOIDED)
    return _journey("Disbursement", made.id, -made.amount_minor, made.currency, stops, ended)


def of_deposit(actor: Actor, deposit: Deposit) -> Journey:
    """The way of money that came to the bank unasked: recorded, placed, on the statement."""
    items = list(deposit.items.order_by("position"))
    sources = [item.suspense_item_id for item in items if item.suspense_item_id]
    sources += Payout.objects.filter(reference=deposit.id).values_list("id", flat=True)
    matches = queries.bank_matches_of(actor, sources)
    placed = [item for item in items if item.state == DepositItem.State.PLACED]
    stops = [
        Stop("Recorded", f"{deposit.get_kind_display()} {deposit.reference}", deposit.created_at),
        Stop(
            "Placed",
            f"{len(placed)} of {len(items)} items",
            deposit.created_at if len(placed) == len(items) else None,
        ),
        _at_bank(True, next(iter(matches.values()), None)),
    ]
    return _journey("Deposit", deposit.id, deposit.amount_minor, deposit.currency, stops)


def _seen(actor: Actor, payment: Payment, lines: Sequence[PayoutLine]) -> _Seen:
    ids = [attempt.id for attempt in payment.attempts.all()] + [refund.id for refund in payment.refunds.all()]
    entries = access.visible(actor, AchEntry.objects.filter(reference__in=ids)).select_related("file").order_by("id")
    sources = [refund.id for refund in payment.refunds.all()]
    return _Seen(
        lines=lines,
        matches=queries.bank_matches_of(actor, [line.payout_id for line in lines]),
        ach={entry.reference: entry for entry in entries},
        entered=_entered(sources, journal.REFUND_GIVEN),
    )


def _entered(source_ids: Iterable[str], kind: str) -> dict[str, dt.datetime]:
    """When the books were told, by source."""
    rows = Entry.objects.filter(source_id__in=list(source_ids), kind=kind)
    return dict(rows.values_list("source_id", "created_at"))


def _own(actor: Actor, payment: Payment, seen: _Seen) -> Journey:
    tried = list(payment.attempts.all())
    taken = next((attempt for attempt in tried if attempt.state == Attempt.State.SUCCEEDED), None)
    last = taken or (tried[-1] if tried else None)
    line = next((line for line in seen.lines if line.kind == Kind.CHARGE), None)
    stops = [Stop("Initiated", f"by {payment.method}", payment.created_at)]
    if last is not None and last.id in seen.ach:
        stops.append(_in_file(seen.ach[last.id]))
    if last is not None and (item := _deposited(actor, last)) is not None:
        stops.append(
            Stop("Deposited", f"{item.deposit.get_kind_display()} {item.deposit.reference}", item.created_at,
                 item.deposit_id)
        )  # fmt: skip
    stops.append(_at_processor(payment, taken, line))
    stops += seen.paid_out(line, left=taken is not None)
    nothing = payment.state == Payment.State.FAILED and line is None
    return _journey("Payment", payment.id, payment.amount_minor, payment.currency, stops, nothing)


def _deposited(actor: Actor, attempt: Attempt) -> DepositItem | None:
    """The item of a deposit that brought the money of an announced payment."""
    rows = DepositItem.objects.filter(attempt=attempt).select_related("deposit")
    return access.visible(actor, rows).first()


def _returned(payment: Payment, line: PayoutLine, seen: _Seen) -> Journey:
    stops = [
        Stop("Taken back", "by the payor's bank", line.payout.created_at),
        *seen.paid_out(line, left=True),
    ]
    return _journey("Return", payment.id, line.gross_minor, payment.currency, stops)


def _refund(refund: Refund, seen: _Seen) -> Journey:
    given = seen.entered.get(refund.id)
    done = refund.state == Refund.State.SUCCEEDED
    words = refund.gateway_reference or refund.get_state_display().lower()
    line = seen.line(Kind.REFUND, refund.id)
    stops = [
        Stop("Asked for", refund.reason, refund.created_at),
        *([_in_file(seen.ach[refund.id])] if refund.id in seen.ach else []),
        Stop("Given by the processor", words, given or (refund.created_at if done else None)),
        *seen.paid_out(line, left=done),
    ]
    nothing = refund.state == Refund.State.DECLINED
    return _journey("Refund", refund.id, -refund.amount_minor, refund.currency, stops, nothing)


def _dispute(dispute: Dispute, place: int, seen: _Seen) -> Journey:
    won = dispute.state == Dispute.State.WON
    line = seen.line(Kind.DISPUTE, dispute.attempt_id, place)
    back = seen.line(Kind.DISPUTE_WON, dispute.attempt_id)
    reached = dispute.withdrawn or line is not None
    stops = [
        Stop("Opened", dispute.reason or dispute.gateway_reference, dispute.opened_at, dispute.id),
        Stop("Withdrawn by the processor", "" if reached else "not yet", dispute.opened_at if reached else None),
        *seen.paid_out(line, left=reached),
    ]
    if won:
        stops.append(Stop("Won", "the money comes back", dispute.decided_at))
        stops += seen.paid_out(back, left=True)
    ended = won and not reached
    return _journey("Dispute", dispute.id, -dispute.amount_minor, dispute.currency, stops, ended)


def _in_file(entry: AchEntry) -> Stop:
    if entry.file is None:
        return Stop("In an ACH file", "waits for the next file")
    sent = entry.file.state != AchFile.State.BUILT
    words = f"{entry.file.name}, trace {entry.trace_number}"
    return Stop("In an ACH file", words, entry.file.sent_at if sent else entry.file.created_at, entry.file_id or "")


def _at_processor(payment: Payment, taken: Attempt | None, line: PayoutLine | None) -> Stop:
    if taken is not None:
        return Stop("At the processor", taken.gateway_reference or taken.account.gateway, taken.decided_at)
    if line is not None:
        return Stop("At the processor", "paid out, though its outcome is undecided here", line.payout.created_at)
    nothing = payment.state == Payment.State.FAILED
    return Stop("At the processor", "no money moved" if nothing else "waiting for the outcome")


def _in_payout(line: PayoutLine | None, left: bool) -> Stop:
    if line is None:
        return Stop("In a payout", "not paid out yet" if left else "–")
    payout = line.payout
    return Stop("In a payout", f"{payout.reference}, {payout.paid_on}", payout.created_at, payout.id)


def _at_bank(left: bool, match: Match | None) -> Stop:
    title = "On the bank statement"
    if match is None:
        return Stop(title, "not seen yet" if left else "–")
    lines = match.statement_lines
    seen = lines[-1]
    more = f" and {len(lines) - 1} more lines" if len(lines) > 1 else ""
    together = f", with {len(match.ledger_lines) - 1} others" if len(match.ledger_lines) > 1 else ""
    return Stop(title, f"{match.bank_account}, {seen.posted_on}{more}{together}", match.matched_at, seen.id)


def _journey(
    title: str, object_id: str, amount_minor: int, currency: str, stops: Sequence[Stop], ended: bool = False
) -> Journey:
    """Mark the last stop reached as where the money is; it is over at the last of all, or when nothing will come."""
    last = max((index for index, stop in enumerate(stops) if stop.at is not None), default=0)
    marked = [replace(stop, here=index == last) for index, stop in enumerate(stops)]
    return Journey(title, object_id, amount_minor, currency, marked, ended or last == len(stops) - 1)
