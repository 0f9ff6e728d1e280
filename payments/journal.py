"""Every posting payments make: money at a processor, given back, paid out to the bank, and disbursed."""

from __future__ import annotations

import datetime as dt

from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from payments.models import Attempt, BreakResolution, Disbursement, Payout, PayoutLine
from reconciliation.ledger import accounts, posting
from reconciliation.ledger.models import Entry, Fund, Snapshot
from reconciliation.ledger.posting import Posting, credit, debit

PAYMENT_TAKEN = "payment.taken"
PAYMENT_UNDONE = "payment.undone"
PAYOUT_RECORDED = "payout.recorded"
REFUND_GIVEN = "refund.given"
DISPUTE_WITHDRAWN = "dispute.withdrawn"
DISPUTE_RETURNED = "dispute.returned"
DISBURSEMENT_ISSUED = "disbursement.issued"
DISBURSEMENT_UNDONE = "disbursement.undone"
DISBURSEMENT_ESCHEATED = "disbursement.escheated"
BANK_FEE_CHARGED = "bank_fee.charged"
MERCHANT_FEE_CHARGED = "merchant_fee.charged"
BANK_INTEREST_CREDITED = "bank_interest.credited"


@step
def payment_taken(attempt: Attempt, amount: Money, on: dt.date, *, surcharge: Money | None = None) -> str:
    """Posts: Dr processor_clearing · Cr unapplied_cash, fee_in_trust (what of it is our surcharge)."""
    payment = attempt.payment
    ours = surcharge or Money(0, amount.currency)
    return posting.post(
        Posting(
            book_id=_book(payment.policy.operator_id),
            posted_on=on,
            source_id=attempt.id,
            kind=PAYMENT_TAKEN,
            subject_id=payment.policy_id,
            memo=f"Payment {payment.id} at {attempt.account.gateway}",
            sides=(
                debit(
                    "processor_clearing",
                    amount,
                    owner=attempt.account_id,
                    reference=attempt.id,
                ),
                credit("unapplied_cash", amount - ours),
                credit("fee_in_trust", ours, owner=payment.policy.operator_id),
            ),
        )
    )


@step
def payment_undone(attempt: Attempt, *, reason: str, on: dt.date) -> str:
    """Posts: the exact opposite of the entry that took the payment."""
    entry = Entry.objects.get(source_id=attempt.id, kind=PAYMENT_TAKEN)
    return posting.reverse(
        entry_id=entry.id,
        source_id=attempt.id,
        kind=PAYMENT_UNDONE,
        posted_on=on,
        memo=f"Payment {reason}",
    )


@step
def refund_given(attempt: Attempt, *, source_id: str, cash: Money, surcharge: Money, on: dt.date) -> str:
    """A part of a payment was refunded.

    Posts: Dr unapplied_cash, fee_in_trust (what of it was our surcharge) · Cr processor_clearing.
    """
    return posting.post(_left(attempt, REFUND_GIVEN, source_id, cash, surcharge, on))


@step
def dispute_withdrawn(attempt: Attempt, *, source_id: str, cash: Money, surcharge: Money, on: dt.date) -> str:
    """A processor withdrew disputed money for the time being.

    Posts: Dr unapplied_cash, fee_in_trust (what of it was our surcharge) · Cr processor_clearing.
    """
    return posting.post(_left(attempt, DISPUTE_WITHDRAWN, source_id, cash, surcharge, on))


@step
def dispute_returned(source_id: str, *, on: dt.date) -> str:
    """Posts: the exact opposite of the entry that let disputed money go; the dispute was decided for us."""
    entry = Entry.objects.get(source_id=source_id, kind=DISPUTE_WITHDRAWN)
    return posting.reverse(
        entry_id=entry.id, source_id=source_id, kind=DISPUTE_RETURNED, posted_on=on, memo="Dispute decided for us"
    )


LEAVES = {REFUND_GIVEN: refund_given, DISPUTE_WITHDRAWN: dispute_withdrawn}
"""What posts that a part of a payment left its processor, by kind."""


def _left(attempt: Attempt, kind: str, source_id: str, cash: Money, surcharge: Money, on: dt.date) -> Posting:
    payment = attempt.payment
    return Posting(
        book_id=_book(payment.policy.operator_id),
        posted_on=on,
        source_id=source_id,
        kind=kind,
        subject_id=payment.policy_id,
        memo=f"Payment {payment.id}, {kind}",
        sides=(
            debit("unapplied_cash", cash),
            debit("fee_in_trust", surcharge, owner=payment.policy.operator_id),
            credit("processor_clearing", cash + surcharge, owner=attempt.account_id, reference=attempt.id),
        ),
    )


@step
def payout_recorded(payout: Payout, lines: list[PayoutLine]) -> str | None:
    """A processor paid out net of its fees.

    The fees came out of fiduciary money and are ours to bear, so trust books a claim on operating. News of a day that
    is sealed by now is posted on the first open day.

    Posts:  Dr trust_cash (net), due_from_operating (fees) · Cr processor_clearing (gross); in the operating fund
            Dr processor_fees · Cr due_to_trust (fees).
    """
    gross = Money(sum(line.gross_minor for line in lines), payout.currency)
    fees = Money(sum(line.fee_minor for line in lines), payout.currency)
    if not gross and not fees:
        return None
    account = payout.account
    book_id = _book(payout.organization_id)
    return posting.post(
        Posting(
            book_id=book_id,
            posted_on=open_day(book_id, payout.paid_on),
            source_id=payout.id,
            kind=PAYOUT_RECORDED,
            memo=f"Payout {payout.reference} of {account.gateway}",
            sides=(
                debit(
                    "trust_cash",
                    gross - fees,
                    owner=account.bank_account_id,
                    reference=payout.reference,
                ),
                debit("due_from_operating", fees),
                credit(
                    "processor_clearing",
                    gross,
                    owner=payout.account_id,
                    reference=payout.reference,
                ),
                debit("processor_fees", fees, owner=payout.account_id),
                credit("due_to_trust", fees),
            ),
        )
    )


@step
def disbursement_issued(made: Disbursement, *, on: dt.date) -> str:
    """Posts: Dr unapplied_cash · Cr trust_cash (the bank account, the check's number or trace)."""
    amount = Money(made.amount_minor, made.currency)
    return posting.post(
        Posting(
            book_id=_book(made.organization_id),
            posted_on=on,
            source_id=made.id,
            kind=DISBURSEMENT_ISSUED,
            subject_id=made.policy_id,
            memo=f"Disbursement {made.id} by {made.method} {made.gateway_reference}".strip(),
            sides=(
                debit("unapplied_cash", amount),
                credit("trust_cash", amount, owner=made.bank_account_id or "", reference=made.gateway_reference),
            ),
        )
    )


@step
def disbursement_undone(made: Disbursement, *, on: dt.date) -> str:
    """Posts: the exact opposite of the entry that issued it."""
    entry = Entry.objects.get(source_id=made.id, kind=DISBURSEMENT_ISSUED)
    return posting.reverse(
        entry_id=entry.id,
        source_id=made.id,
        kind=DISBURSEMENT_UNDONE,
        posted_on=on,
        memo=f"Disbursement {made.state}",
    )


@step
def disbursement_escheated(made: Disbursement, *, on: dt.date) -> str:
    """Posts: Dr trust_cash (the bank account, the check's number) · Cr unclaimed_property (the payee's state)."""
    amount = Money(made.amount_minor, made.currency)
    return posting.post(
        Posting(
            book_id=_book(made.organization_id),
            posted_on=on,
            source_id=made.id,
            kind=DISBURSEMENT_ESCHEATED,
            subject_id=made.policy_id,
            memo=f"Check {made.gateway_reference} became unclaimed property",
            sides=(
                debit("trust_cash", amount, owner=made.bank_account_id or "", reference=made.gateway_reference),
                credit("unclaimed_property", amount, owner=made.payee.state),
            ),
        )
    )


@step
def bank_fee_charged(made: BreakResolution, *, reference: str) -> str:
    """A bank charged an account, or kept back a part of a deposit; that is ours to bear, never fiduciary money's.

    Posts:  on a fiduciary account Dr due_from_operating · Cr trust_cash, and Dr bank_fees · Cr due_to_trust in the
            operating fund; on one of ours Dr bank_fees · Cr operating_cash.
    """
    return _fee(made, BANK_FEE_CHARGED, "bank_fees", reference)


@step
def merchant_fee_charged(made: BreakResolution, *, reference: str) -> str:
    """A processor's fee that its report did not show was missing at the bank.

    Posts:  Dr due_from_operating · Cr trust_cash, and Dr processor_fees (the account) · Cr due_to_trust in the
            operating fund; on an account of ours Dr processor_fees · Cr operating_cash.
    """
    return _fee(made, MERCHANT_FEE_CHARGED, "processor_fees", reference)


@step
def bank_interest_credited(made: BreakResolution, *, reference: str) -> str:
    """Posts: Dr operating_cash (the bank account) · Cr interest_income, for interest on an account of ours."""
    amount = Money(made.amount_minor, made.currency)
    cash = debit("operating_cash", amount, owner=made.bank_account_id, reference=reference)
    return posting.post(_of_resolution(made, BANK_INTEREST_CREDITED, (cash, credit("interest_income", amount))))


def _fee(made: BreakResolution, kind: str, expense: str, reference: str) -> str:
    fee = Money(-made.amount_minor, made.currency)
    bank = made.bank_account
    sides = [debit(expense, fee, owner=made.bears)]
    if bank.ledger_account.fund == Fund.TRUST:
        sides += [credit("due_to_trust", fee), debit("due_from_operating", fee)]
    sides.append(credit(bank.ledger_account.code, fee, owner=bank.id, reference=reference))
    return posting.post(_of_resolution(made, kind, tuple(sides)))


def _of_resolution(made: BreakResolution, kind: str, sides: tuple[posting.Side, ...]) -> Posting:
    return Posting(
        book_id=_book(made.organization_id),
        posted_on=made.posted_on,
        source_id=made.id,
        kind=kind,
        memo=f"{made.get_way_display()}, break {made.about_id}",
        sides=sides,
    )


def open_day(book_id: str, day: dt.date) -> dt.date:
    """The day itself, or the first one after the sealed period it lies in."""
    sealed = (
        Snapshot.objects.filter(book_id=book_id, lifted_at__isnull=True)
        .order_by("-as_of")
        .values_list("as_of", flat=True)
        .first()
    )
    return day if sealed is None else max(day, sealed + dt.timedelta(days=1))


def _book(organization_id: str) -> str:
    return accounts.open_book(organization_id).id
