"""The public event log: facts that integrations may hear about, recorded with the change itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from compliance.models import EventRecord
from coverpay.kernel import bus, clock, commands, copying, ids

CATALOG: dict[str, str] = {
    "policy.quoted": "A policy was quoted with its charges.",
    "policy.bound": "A quote became cover; its charges are owed by schedule.",
    "policy.not_taken": "A quote was closed without cover.",
    "policy.issued": "The contract's documents are with the insured.",
    "policy.endorsed": "The contract changed; its premium went up, down or stayed.",
    "policy.cancellation_pending": "A cancellation was announced for a later day.",
    "policy.cancellation_rescinded": "An announced cancellation was taken back before its day.",
    "policy.cancelled": "Cover ended before its time; what is not kept is returned.",
    "policy.reinstated": "Cover of a cancelled policy goes on.",
    "policy.rewritten": "A policy was cancelled and another bound in its place.",
    "policy.renewal_offered": "A next term was offered with its charges.",
    "policy.renewed": "The offered term was taken.",
    "policy.renewal_not_taken": "The offered term was let go.",
    "policy.expired": "The last day of a term is over.",
    "policy.audited": "A premium audit charged or returned premium.",
    "policy.transaction_reversed": "A wrong transaction was undone by a reversing one.",
    "schedule.created": "The installments of a term were set.",
    "schedule.changed": "What was still to be billed of a term was set anew.",
    "invoice.issued": "An invoice was issued and is due.",
    "invoice.paid": "Everything on an invoice is paid.",
    "invoice.reopened": "A payment or a write-off was taken back; the invoice is open again.",
    "invoice.superseded": "Another invoice takes the place of one that was sent, and says why.",
    "invoice.voided": "An invoice asks for nothing any more.",
    "invoice.written_off": "What was open on an invoice was given up.",
    "cash.transferred": "Unapplied cash was carried to another policy.",
    "suspense.opened": "Money came that a person must place.",
    "suspense.placed": "A person said whose the money is.",
    "suspense.reopened": "A placing was wrong and was undone.",
    "suspense.returned": "The money goes back to its sender.",
    "return_premium.owed": "A change of a policy gave premium back; it is owed to the payor by a day.",
    "delinquency.entered": "Money of a term is past due; a plan follows it.",
    "delinquency.reminded": "The payor was reminded of past due money.",
    "delinquency.late_fee": "A late fee was set, or left out with a reason.",
    "delinquency.needs_decision": "The next step waits for a person, with what is to be decided.",
    "delinquency.decided": "A person said how to go on.",
    "delinquency.held": "The clock stands until a day, with a reason.",
    "delinquency.released": "The clock runs again.",
    "delinquency.promised": "Payment was promised by a day; the clock stands until then.",
    "delinquency.cured": "What was past due is covered; maybe by money that may still be returned.",
    "delinquency.reopened": "The money that covered it was returned.",
    "delinquency.cancelled": "The policy was cancelled for non-payment.",
    "delinquency.collections": "What is left was handed to collections.",
    "delinquency.closed": "Nothing is followed any more.",
    "notice.prepared": "A notice was made: its amount, computation and recipients do not change.",
    "notice.mailed": "A notice went to every recipient, with proof.",
    "notice.satisfied": "What a notice demanded was paid in time.",
    "notice.void": "A notice has no effect any more, with the reason.",
    "account_bill.issued": "One bill across the policies of a billing account was issued.",
    "autopay.enrolled": "A method pays a policy's invoices when they fall due.",
    "autopay.ended": "Autopay of a policy is over.",
    "payment_method.added": "A card or bank account of a payor was kept.",
    "payment_method.changed": "What is known of a payment method changed; events hold no number.",
    "payment_method.blocked": "A bank or network said that a method may never be charged again.",
    "payment_method.unblocked": "A person lifted the block of a payment method.",
    "payment_method.removed": "A payment method was taken away.",
    "mandate.given": "A payor gave leave to charge a payment method.",
    "mandate.revoked": "Leave to charge a payment method ended.",
    "account_validation.started": "A bank account is being validated before its first debit authorized on the web.",
    "account_validation.passed": "A bank account was shown to be open and the payor's.",
    "account_validation.failed": "A bank account could not be validated.",
    "scheduled_payment.planned": "An invoice is to be charged on a day the payor chose.",
    "scheduled_payment.collected": "The day came, and the payment was planned.",
    "scheduled_payment.withdrawn": "A scheduled payment was taken back before its day.",
    "scheduled_payment.refused": "A scheduled payment could not be collected on its day.",
    "gateway.down": "A processor account fails again and again, or a person took it down; payments go round it.",
    "gateway.up": "A processor account is in use again.",
    "pay_link.created": "A payor can pay, or give new details, by a link; events hold no secret.",
    "pay_link.opened": "A pay link was opened for the first time.",
    "pay_link.used": "A payment was made, or new details were given, by a pay link.",
    "pay_link.revoked": "A pay link was taken back.",
    "payment.created": "A payment was accepted for processing.",
    "payment.pending": "The processor accepted the payment; the money is not final yet.",
    "payment.succeeded": "The processor took the money.",
    "payment.failed": "The payment was declined or never reached the processor.",
    "payment.needs_review": "The outcome is unknown; a person decides when the processor does not.",
    "payment.authorized": "The processor holds the money; it is not taken until it is captured.",
    "payment.voided": "The payment was stopped or let go before any money moved.",
    "payment.not_stopped": "It was too late to call the payment back.",
    "payment.rerouted": "A processor was surely not reached; the payment goes on at another account.",
    "refund.needs_review": "Nobody can tell whether a refund was given; a person decides.",
    "payment.refunded": "The payment, or a part of it, was given back.",
    "dispute.opened": "The payor disputes a payment with their bank; there is a day to answer by.",
    "dispute.withdrawn": "The processor took the disputed money for the time being.",
    "dispute.answered": "Our evidence, or that we give in, is with the processor.",
    "dispute.won": "A dispute was decided for us; money that was withdrawn is back.",
    "dispute.lost": "A dispute was decided against us, given in, or not answered in time.",
    "recovery.opened": "A payment failed or came back; the recovery plan follows it.",
    "recovery.step_done": "One step of a recovery plan was done.",
    "recovery.step_skipped": "One step of a recovery plan was passed over, with the reason.",
    "recovery.recovered": "The money of a payment that had failed is here.",
    "recovery.exhausted": "A recovery plan has no further step.",
    "recovery.handed_over": "A person goes on with a payment that failed.",
    "recovery.stopped": "A payment that failed is followed no more, with the reason.",
    "recovery.reopened": "A recovery goes on: new details came, a person gave it back, or money was returned again.",
    "message.sent": "A message to a payor was sent.",
    "message.withheld": "A message was not sent: the payor wants none, or no address is known.",
    "message.failed": "A message could not be sent after several tries.",
    "opt_out.recorded": "An address wants no more messages of a kind.",
    "opt_out.ended": "An address wants messages of a kind again.",
    "payment.returned": "The bank took the payment back after it had succeeded.",
    "disbursement.requested": "Money is to be paid out; it is screened and, above the limit, approved first.",
    "disbursement.held": "A disbursement stands still, with the reason.",
    "disbursement.approved": "A disbursement may go out.",
    "disbursement.sent": "A disbursement is on its way to the bank or processor.",
    "disbursement.issued": "Paid out: the check is written, the credit is with the bank, or the refund is given.",
    "disbursement.cleared": "The bank paid it.",
    "disbursement.failed": "It was refused; the cash stays with the policy.",
    "disbursement.returned": "The receiving bank sent it back; the cash is the policy's again.",
    "disbursement.voided": "Stopped before the bank paid; the cash is the policy's again.",
    "disbursement.cancelled": "It is not to be paid.",
    "disbursement.stale": "A check was not cashed within its days.",
    "disbursement.escheated": "An uncashed check is owed to the state as unclaimed property.",
    "deposit.recorded": "Money came to the bank unasked: checks, a lockbox file, a wire, cash, or funding.",
    "deposit.item_placed": "An item of a deposit said whose it is, and covers what is open there.",
    "deposit.item_held": "An item of a deposit waits for a person, with the reason.",
    "deposit.item_bounced": "The bank took an item of a deposit back.",
    "ach_file.built": "A file of ACH entries was built and waits to be sent.",
    "ach_file.sent": "A file of ACH entries went to the bank.",
    "ach_file.accepted": "The bank took a file of ACH entries.",
    "ach_file.rejected": "The bank did not take a file; none of its entries moved money.",
    "ach_file.received": "A file of returns or changes was read; what could not be applied waits for a person.",
    "ach.return_rate_exceeded": "More debits come back than the ACH rules tolerate.",
    "payout.recorded": "A processor paid out; charges and fees are in the books.",
    "statement.imported": "A bank statement that ties was imported.",
    "statement.announced": "A bank told of movements that are on no statement yet.",
    "statement.quarantined": "A bank statement was set aside with its reasons.",
    "source.received": "A carrier's or agency's statement came in and was held against the books.",
    "source.compared": "A carrier's or agency's statement was held against the books again.",
    "source.withdrawn": "A carrier's or agency's statement was not the right one.",
    "statement.matched": "Matching ran; lines were matched or became breaks.",
    "break.resolved": "What did not tie was posted, and its lines are matched.",
    "book.closed": "A period is closed: nothing is posted into it any more.",
    "book.reopened": "A closed period takes entries again, with another's leave.",
    "export.built": "A batch of the journal was made for an accounting system.",
    "export.acknowledged": "The accounting system has the batch.",
    "export.withdrawn": "A batch was not taken in; its entries go with the next one.",
    "trust.withdrawn": "Trust money was drawn or remitted; what owners are owed stayed.",
    "trust.interest_credited": "The bank credited interest to a fiduciary account.",
    "trust.repaid": "Operating paid back what fiduciary money bore for it.",
    "trust.undone": "A movement of trust money was taken back.",
    "approval.requested": "Someone asked for leave to do something that another must approve.",
    "approval.approved": "Someone else approved it; it can be done once.",
    "approval.refused": "It is not to be done.",
    "screening.possible_match": "A name is like one on a list of blocked persons; a person must look.",
    "screening.cleared": "A person saw that it is someone else.",
    "screening.blocked": "A person saw that it is the listed one; nothing goes out to them.",
    "rule.decided": "A person decided which value a rule has, with a reason.",
    "moratorium.declared": "Cancellations stop in a state or some of its postal areas.",
    "moratorium.lifted": "A moratorium ended early.",
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


@dataclass(frozen=True, slots=True)
class EventsRecorded(bus.Event):
    """Public events were written in bulk. Nestable as `EventRecorded` is."""

    nestable: ClassVar[bool] = True
    events: tuple[EventRecorded, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One public event to write among many; what `record` takes."""

    type: str
    organization_id: str
    object_id: str
    subject_id: str
    data: Mapping[str, Any]


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


@commands.step
def record_many(facts: Iterable[Fact]) -> None:
    """Write many public events at once, in order, and tell the relay of them all."""
    facts = list(facts)
    for type in {fact.type for fact in facts} - set(CATALOG):
        raise UnknownEventType(type)
    if not facts:
        return
    now, made = clock.now(), ids.many("evt", len(facts))
    copying.insert(
        EventRecord,
        ("id", "type", "organization_id", "object_id", "subject_id", "data", "recorded_at"),
        (
            (id, fact.type, fact.organization_id, fact.object_id, fact.subject_id, fact.data, now)
            for id, fact in zip(made, facts, strict=True)
        ),
    )
    told = (EventRecorded(id, fact.type, fact.organization_id) for id, fact in zip(made, facts, strict=True))
    bus.publish(EventsRecorded(tuple(told)))
