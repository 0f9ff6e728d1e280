"""What the event log tells of a policy's life that no row of its own tells: each event as a moment of the timeline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from compliance import access
from compliance.models import EventRecord
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from policies.models import Policy

ICONS = {
    "cover": "shield-check",
    "bill": "receipt-text",
    "late": "clock-alert",
    "pay": "credit-card",
    "books": "book-open",
    "payout": "banknote-arrow-up",
    "bank": "landmark",
}


COVER = {
    "policy.issued": "Issued",
    "policy.not_taken": "Quote not taken",
    "policy.cancellation_pending": "Cancellation announced",
    "policy.cancellation_rescinded": "Cancellation rescinded",
    "policy.rewritten": "Rewritten",
    "policy.renewed": "Renewal accepted",
    "policy.renewal_not_taken": "Renewal not taken",
    "policy.expired": "Expired",
}
LATE = {
    "delinquency.entered": "Past due",
    "delinquency.reminded": "Reminder",
    "delinquency.late_fee": "Late fee",
    "delinquency.needs_decision": "A person must decide",
    "delinquency.decided": "Decided",
    "delinquency.held": "Past due process held",
    "delinquency.released": "Past due process goes on",
    "delinquency.promised": "Payment promised",
    "delinquency.cured": "Past due money covered",
    "delinquency.reopened": "Past due again",
    "delinquency.cancelled": "Cancelled for non-payment",
    "delinquency.collections": "Handed to collections",
    "delinquency.closed": "Past due process closed",
    "notice.prepared": "Notice prepared",
    "notice.mailed": "Notice mailed",
    "notice.satisfied": "Notice satisfied",
    "notice.void": "Notice void",
}
MONEY = {
    "invoice.superseded": "Invoice superseded",
    "invoice.voided": "Invoice voided",
    "invoice.written_off": "Invoice written off",
    "return_premium.owed": "Return premium",
    "cash.transferred": "Cash carried to another policy",
    "suspense.opened": "Money held in suspense",
    "suspense.placed": "Money placed from suspense",
    "suspense.reopened": "Placing undone",
    "suspense.returned": "Money returned to sender",
    "recovery.opened": "Failed payment followed",
    "recovery.recovered": "Failed payment won back",
    "recovery.exhausted": "Recovery plan at its end",
    "recovery.handed_over": "Failed payment with a person",
    "recovery.stopped": "Failed payment followed no more",
    "recovery.reopened": "Failed payment followed again",
    "message.sent": "Message sent",
    "autopay.enrolled": "Autopay enrolled",
    "autopay.ended": "Autopay ended",
    "scheduled_payment.planned": "Payment scheduled",
    "scheduled_payment.withdrawn": "Scheduled payment withdrawn",
    "scheduled_payment.refused": "Scheduled payment refused",
}
_WORDS = (
    "effective_on",
    "method",
    "cancel_on",
    "due_on",
    "collect_on",
    "until",
    "pay_by",
    "choice",
    "reason",
    "ended_reason",
)
_AMOUNTS = ("amount_minor", "refundable_minor", "demanded_minor", "past_due_minor", "open_minor")


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened to a policy: when, what, how much, and the object whose page tells more."""

    at: dt.datetime
    kind: str
    title: str
    object_id: str = ""
    detail: str = ""
    state: str = ""
    state_label: str = ""
    amount_minor: int | None = None
    currency: str = ""

    @property
    def icon(self) -> str:
        return ICONS[self.kind]


def of(actor: Actor, policy: Policy) -> Iterator[Moment]:
    """The events of a visible policy; those about money only for those who may read billing."""
    kinds = {**dict.fromkeys(COVER, "cover")}
    if access.may(actor, Permission.BILLING_READ):
        kinds |= {**dict.fromkeys(LATE, "late"), **dict.fromkeys(MONEY, "bill")}
    titles = {**COVER, **LATE, **MONEY}
    for event in EventRecord.objects.filter(subject_id=policy.id, type__in=kinds).order_by("id"):
        yield Moment(
            at=event.recorded_at,
            kind=kinds[event.type],
            title=f"{titles[event.type]} {_number(event)}".rstrip(),
            object_id="" if event.object_id == policy.id else event.object_id,
            detail=_detail(event.data),
            amount_minor=next((event.data[name] for name in _AMOUNTS if event.data.get(name)), None),
            currency=str(event.data.get("currency") or policy.program.currency),
        )


def _number(event: EventRecord) -> str:
    """The number of the invoice an event is about."""
    return str(event.data.get("number", "")) if event.type.startswith("invoice.") else ""


def _detail(data: dict[str, Any]) -> str:
    """What an event says in words, the names of its parts left where they are needed to understand it."""
    said = [
        str(data[name]).replace("_", " ") if name in ("reason", "method", "choice") else f"{_word(name)} {data[name]}"
        for name in _WORDS
        if data.get(name)
    ]
    return joined(*said)


def _word(name: str) -> str:
    words = {"cancel_on": "cancels on", "collect_on": "is charged on"}
    return words.get(name) or name.removesuffix("_on").replace("_", " ")


def joined(*parts: str) -> str:
    """Put parts of a detail in one line, leaving out what is empty."""
    return " · ".join(part for part in parts if part)
