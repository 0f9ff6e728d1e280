"""The public event log: facts that integrations may hear about, recorded with the change itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from compliance.models import EventRecord
from coverpay.kernel import bus, commands

CATALOG: dict[str, str] = {
    "policy.quoted": "A policy was quoted with its charges.",
    "policy.bound": "A quote became cover; its charges are owed by schedule.",
    "policy.not_taken": "A quote was closed without cover.",
    "schedule.created": "The installments of a term were set.",
    "invoice.issued": "An invoice was issued and is due.",
    "invoice.paid": "Everything on an invoice is paid.",
    "invoice.reopened": "A payment was taken back; the invoice is open again.",
    "payment.created": "A payment was accepted for processing.",
    "payment.pending": "The processor accepted the payment; the money is not final yet.",
    "payment.succeeded": "The processor took the money.",
    "payment.failed": "The payment was declined or never reached the processor.",
    "payment.needs_review": "The outcome is unknown; a person decides when the processor does not.",
    "payment.refunded": "The whole payment was given back.",
    "payment.returned": "The bank took the payment back after it had succeeded.",
    "payout.recorded": "A processor paid out; charges and fees are in the books.",
    "statement.imported": "A bank statement that ties was imported.",
    "statement.quarantined": "A bank statement was set aside with its reasons.",
    "statement.matched": "Matching ran; lines were matched or became breaks.",
}


class UnknownEventType(ValueError):
    """An event type outside the catalog."""


@dataclass(frozen=True, slots=True)
class EventRecorded(bus.Event):
    """A public event was written. Nestable: it only plans deliveries (decision 0003)."""

    nestable: ClassVar[bool] = True
    event_id: str
    type: str
    organization_id: str


@commands.step
def record(
    *,
    type: str,
    organization_id: str,
    object_id: str,
    subject_id: str = "",
    data: Mapping[str, Any],
) -> EventRecord:
    """Write one public event and tell the relay. `subject_id` is the policy whose timeline shows it."""
    if type not in CATALOG:
        raise UnknownEventType(type)
    event = EventRecord.objects.create(
        type=type,
        organization_id=organization_id,
        object_id=object_id,
        subject_id=subject_id,
        data=dict(data),
    )
    bus.publish(EventRecorded(event_id=event.id, type=type, organization_id=organization_id))
    return event
