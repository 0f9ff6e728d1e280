"""What changes a term: transactions with their segments and charges, and cancellations."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models.contracts import Policy, Term


class Initiator(models.TextChoices):
    """On whose word a term ends early; refund rules and minimum earned premium depend on it."""

    INSURED = "insured", "Insured"
    INSURER = "insurer", "Insurer"
    FINANCE_COMPANY = "finance_company", "Premium finance company"


class Transaction(models.Model):
    """A change of the contract, in the order it was processed: new business first. Undone only by a reversing one."""

    class Kind(models.TextChoices):
        NEW_BUSINESS = "new_business", "New business"
        RENEWAL = "renewal", "Renewal"
        ENDORSEMENT = "endorsement", "Endorsement"
        CANCELLATION = "cancellation", "Cancellation"
        REINSTATEMENT = "reinstatement", "Reinstatement"
        AUDIT = "audit", "Premium audit"
        REVERSAL = "reversal", "Reversal"

    ACCESS: ClassVar = Access(
        operator="term__policy__operator_id",
        reader="term__policy__participants__organization_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="txn")
    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="transactions")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Kind.choices)
    effective_on = models.DateField()
    processed_at = models.DateTimeField(default=clock.now)
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")
    reason = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict, help_text="What was asked for: method, initiator, new premium.")

    class Meta:
        ordering: ClassVar = ["term", "sequence"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["term", "sequence"], name="one_transaction_per_sequence")
        ]
        triggers: ClassVar = guards.append_only("transaction")

    def __str__(self) -> str:
        return f"{self.kind} {self.effective_on}"


class Segment(models.Model):
    """Premium written for days of a term by one transaction, signed. Written premium is the sum of segments.

    A `rate` segment is earned day by day. A segment that `offsets` another takes back, from its own first day on, what
    of that one is not earned then: earning of the pair stops there. A `retained` segment (short rate penalty, minimum
    earned premium) has no days and is earned at once on `starts_on`.
    """

    class Kind(models.TextChoices):
        RATE = "rate", "By rate"
        RETAINED = "retained", "Retained"

    id = IdField(prefix="seg")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="segments")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.RATE)
    starts_on = models.DateField()
    ends_on = models.DateField()
    full_term_minor = models.BigIntegerField(
        default=0, help_text="The change of the rate, as premium of a full term, minor units."
    )
    written_minor = models.BigIntegerField(help_text="Premium written for these days, minor units.")
    currency = models.CharField(max_length=3)
    offsets = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="offset_by")

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(ends_on__gte=models.F("starts_on")), name="segment_runs_forward")
        ]
        triggers: ClassVar = guards.append_only("segment")

    def __str__(self) -> str:
        return f"{self.starts_on} to {self.ends_on}: {self.written_minor} {self.currency}"


class Component(models.TextChoices):
    """What a charge is for. Each has a payee of its own."""

    PREMIUM = "premium", "Premium"
    SURPLUS_LINES_TAX = "surplus_lines_tax", "Surplus lines tax"
    STAMPING_FEE = "stamping_fee", "Stamping fee"
    POLICY_FEE = "policy_fee", "Policy fee"
    CARRIER_FEE = "carrier_fee", "Carrier fee"
    BROKER_FEE = "broker_fee", "Broker fee"
    INSPECTION_FEE = "inspection_fee", "Inspection fee"
    INSTALLMENT_FEE = "installment_fee", "Installment fee"
    LATE_FEE = "late_fee", "Late fee"
    NSF_FEE = "nsf_fee", "Returned payment fee"
    REINSTATEMENT_FEE = "reinstatement_fee", "Reinstatement fee"
    CANCELLATION_FEE = "cancellation_fee", "Cancellation fee"
    AUDIT_PREMIUM = "audit_premium", "Audit premium"


class PayeeKind(models.TextChoices):
    """Whose money a charge is once it is collected."""

    CARRIER = "carrier", "Carrier"
    STATE = "state", "State"
    OPERATOR = "operator", "Operator"


class Charge(models.Model):
    """One component that a transaction charges, with its payee and how it behaves later."""

    ACCESS: ClassVar = Access(
        operator="policy__operator_id",
        reader="policy__participants__organization_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="chg")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="charges")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="charges")
    component = models.CharField(max_length=20, choices=Component.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    payee_kind = models.CharField(max_length=10, choices=PayeeKind.choices)
    payee = models.CharField(max_length=60, help_text="Organization id, or a state such as HI.")
    commission_ppm = models.PositiveIntegerField(default=0, help_text="Commission, parts per million of the amount.")
    taxable = models.BooleanField(default=False)
    refundable = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["transaction", "component"], name="one_charge_per_component"),
            models.CheckConstraint(
                condition=models.Q(commission_ppm__lte=1_000_000),
                name="commission_at_most_all",
            ),
        ]
        triggers: ClassVar = guards.append_only("charge")

    def __str__(self) -> str:
        return f"{self.component} {self.amount_minor} {self.currency}"


CANCELLATION_JUMPS = [("pending", "effective"), ("pending", "rescinded"), ("effective", "undone")]


class Cancellation(FSMModelMixin, models.Model):
    """The end of a term before its time: announced, then effective or rescinded; undone by a reinstatement."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        EFFECTIVE = "effective", "Effective"
        RESCINDED = "rescinded", "Rescinded"
        UNDONE = "undone", "Undone"

    class Method(models.TextChoices):
        FLAT = "flat", "Flat"
        PRO_RATA = "pro_rata", "Pro rata"
        SHORT_RATE_90 = "short_rate_90", "90% short rate"
        SHORT_RATE_TABLE = "short_rate_table", "Short rate by table"

    class Reason(models.TextChoices):
        REQUESTED = "requested", "Requested by the insured"
        NONPAYMENT = "nonpayment", "Non-payment of premium"
        UNDERWRITING = "underwriting", "Underwriting"
        FINANCE_COMPANY = "finance_company", "Premium finance company"
        REWRITTEN = "rewritten", "Rewritten"
        ERROR = "error", "Written in error"

    ACCESS: ClassVar = Access(
        operator="term__policy__operator_id",
        reader="term__policy__participants__organization_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="can")
    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="cancellations")
    effective_on = models.DateField()
    method = models.CharField(max_length=20, choices=Method.choices)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    initiator = models.CharField(max_length=20, choices=Initiator.choices)
    state = FSMField(default=State.PENDING, choices=State.choices, protected=True)
    requested_on = models.DateField()
    transaction = models.OneToOneField(
        Transaction, null=True, blank=True, on_delete=models.PROTECT, related_name="cancellation"
    )
    note = models.CharField(max_length=300, blank=True)
    ended_reason = models.CharField(max_length=300, blank=True, help_text="Why it was rescinded or undone.")

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["term"], condition=models.Q(state="pending"), name="one_pending_cancellation_per_term"
            ),
            models.UniqueConstraint(
                fields=["term"], condition=models.Q(state="effective"), name="one_effective_cancellation_per_term"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["effective_on"], name="cancellation_due", condition=models.Q(state="pending"))
        ]
        triggers: ClassVar = [
            *guards.no_delete("cancellation"),
            guards.first_state("state", "pending"),
            guards.legal_jumps("state", CANCELLATION_JUMPS),
            guards.frozen_columns("term", "effective_on", "method", "reason", "initiator", "requested_on"),
        ]

    @transition(field=state, source=State.PENDING, target=State.EFFECTIVE)
    def take_effect(self) -> None:
        """The day came; the term is cancelled."""

    @transition(field=state, source=State.PENDING, target=State.RESCINDED)
    def rescind(self) -> None:
        """Taken back before its day; cover was never interrupted."""

    @transition(field=state, source=State.EFFECTIVE, target=State.UNDONE)
    def undo(self) -> None:
        """The policy was reinstated."""

    def __str__(self) -> str:
        return f"{self.reason} {self.effective_on}"
