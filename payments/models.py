"""Payments, their attempts at a gateway, refunds, inbound webhooks and payouts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from billing.models import Invoice
from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models import Policy
from reconciliation.models import BankAccount


class RoutingTable(models.Model):
    """Which gateway takes which payment, from a date on: versioned data that `payments.routing` reads."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="rte")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    rules = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "number"], name="one_routing_table_per_number")
        ]
        triggers: ClassVar = guards.append_only("routing table")

    def __str__(self) -> str:
        return f"routing v{self.number}"


class GatewayAccount(models.Model):
    """An organization's account at a processor: its settings, its webhook secret (sealed), where payouts land."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="gwa")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    gateway = models.CharField(max_length=20)
    merchant = models.CharField(max_length=80, help_text="The account's name at the processor.")
    bank_account = models.ForeignKey(
        BankAccount,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Where its payouts land.",
    )
    webhook_secret_sealed = models.TextField(editable=False)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gateway", "merchant"], name="one_account_per_merchant")
        ]
        triggers: ClassVar = [
            *guards.no_delete("gateway account"),
            guards.frozen_columns("organization", "gateway", "merchant"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.merchant}"


PAYMENT_JUMPS = [
    ("processing", "succeeded"),
    ("processing", "failed"),
    ("succeeded", "refunded"),
    ("succeeded", "returned"),
]


class Payment(FSMModelMixin, models.Model):
    """The wish to collect an amount for one invoice, and how it ended."""

    class State(models.TextChoices):
        PROCESSING = "processing", "Processing"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        REFUNDED = "refunded", "Refunded"
        RETURNED = "returned", "Returned"

    ACCESS: ClassVar = Access(
        operator="policy__operator_id",
        reader="policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="pay")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    method = models.CharField(max_length=10, help_text="card or ach")
    token = models.CharField(
        max_length=120,
        help_text="The processor's token for the method; never a number.",
    )
    state = FSMField(default=State.PROCESSING, choices=State.choices, protected=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="payment_moves_money"),
            models.UniqueConstraint(
                fields=["invoice"],
                condition=models.Q(state="processing"),
                name="one_live_payment_per_invoice",
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("payment"),
            guards.first_state("state", "processing"),
            guards.legal_jumps("state", PAYMENT_JUMPS),
            guards.frozen_columns("policy", "invoice", "amount_minor", "currency", "method", "token"),
        ]

    @transition(field=state, source=State.PROCESSING, target=State.SUCCEEDED)
    def succeed(self) -> None:
        """The processor has the money."""

    @transition(field=state, source=State.PROCESSING, target=State.FAILED)
    def fail(self) -> None:
        """No money moved, and none will by this payment."""

    @transition(field=state, source=State.SUCCEEDED, target=State.REFUNDED)
    def refund(self) -> None:
        """We gave all of it back."""

    @transition(field=state, source=State.SUCCEEDED, target=State.RETURNED)
    def bounce(self) -> None:
        """The bank took all of it back."""

    def __str__(self) -> str:
        return self.id


ATTEMPT_JUMPS = [
    ("planned", "submitted"),
    ("submitted", "planned"),
    ("submitted", "pending"),
    ("submitted", "unknown"),
    ("submitted", "succeeded"),
    ("submitted", "declined"),
    ("pending", "succeeded"),
    ("pending", "declined"),
    ("pending", "unknown"),
    ("unknown", "planned"),
    ("unknown", "pending"),
    ("unknown", "succeeded"),
    ("unknown", "declined"),
]


class Attempt(FSMModelMixin, models.Model):
    """One charge sent to one gateway under our reference, which is this row's id.

    `submitted` is committed before anything is sent: a row found there later may have been taken, and is asked about.
    """

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        SUBMITTED = "submitted", "Submitted"
        PENDING = "pending", "Pending"
        UNKNOWN = "unknown", "Unknown"
        SUCCEEDED = "succeeded", "Succeeded"
        DECLINED = "declined", "Declined"

    LIVE: ClassVar = ["planned", "submitted", "pending", "unknown"]
    ACCESS: ClassVar = Access(
        operator="payment__policy__operator_id",
        reader="payment__policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="att")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="attempts")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(default=1)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    state = FSMField(default=State.PLANNED, choices=State.choices, protected=True)
    gateway_reference = models.CharField(max_length=80, blank=True)
    taken_minor = models.BigIntegerField(null=True, blank=True, help_text="What the gateway has, once it succeeded.")
    outcome_code = models.CharField(max_length=60, blank=True)
    outcome_message = models.CharField(max_length=300, blank=True)
    routing = models.JSONField(
        default=dict,
        help_text="Table, version, rule and reasons that chose the gateway.",
    )
    submit_count = models.PositiveIntegerField(default=0)
    check_count = models.PositiveIntegerField(default=0)
    next_check_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invoice"],
                condition=models.Q(state__in=["planned", "submitted", "pending", "unknown"]),
                name="one_live_charge_per_invoice",
            ),
            models.UniqueConstraint(fields=["payment", "number"], name="one_attempt_per_number"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_check_at"],
                name="attempt_due",
                condition=models.Q(state__in=["planned", "submitted", "pending", "unknown"]),
            ),
            models.Index(fields=["account", "gateway_reference"], name="attempt_by_gateway_ref"),
        ]
        triggers: ClassVar = [
            *guards.no_delete("attempt"),
            guards.first_state("state", "planned"),
            guards.legal_jumps("state", ATTEMPT_JUMPS),
            guards.frozen_columns(
                "payment",
                "invoice",
                "account",
                "number",
                "amount_minor",
                "currency",
                "routing",
            ),
        ]

    @transition(field=state, source=State.PLANNED, target=State.SUBMITTED)
    def submit(self) -> None:
        """About to be sent; from here on money may move."""

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.PLANNED)
    def replan(self) -> None:
        """Surely never taken: the gateway was not reached, or says it never heard of it. The same key is sent again."""

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.PENDING)
    def wait(self) -> None:
        """Accepted by the gateway; not final."""

    @transition(field=state, source=[State.SUBMITTED, State.PENDING], target=State.UNKNOWN)
    def lose_track(self) -> None:
        """Nobody can say yet whether the money moved."""

    @transition(
        field=state,
        source=[State.SUBMITTED, State.PENDING, State.UNKNOWN],
        target=State.SUCCEEDED,
    )
    def succeed(self) -> None:
        """The gateway has the money."""

    @transition(
        field=state,
        source=[State.SUBMITTED, State.PENDING, State.UNKNOWN],
        target=State.DECLINED,
    )
    def decline(self) -> None:
        """The gateway refused; no money moved."""

    def __str__(self) -> str:
        return self.id


REFUND_JUMPS = [
    ("planned", "submitted"),
    ("submitted", "planned"),
    ("submitted", "unknown"),
    ("submitted", "succeeded"),
    ("submitted", "declined"),
    ("unknown", "planned"),
    ("unknown", "succeeded"),
    ("unknown", "declined"),
]


class Refund(FSMModelMixin, models.Model):
    """A succeeded payment given back whole. Its id is our reference at the gateway."""

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        SUBMITTED = "submitted", "Submitted"
        UNKNOWN = "unknown", "Unknown"
        SUCCEEDED = "succeeded", "Succeeded"
        DECLINED = "declined", "Declined"

    ACCESS: ClassVar = Access(
        operator="payment__policy__operator_id",
        reader="payment__policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="rfd")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200)
    state = FSMField(default=State.PLANNED, choices=State.choices, protected=True)
    gateway_reference = models.CharField(max_length=80, blank=True)
    outcome_code = models.CharField(max_length=60, blank=True)
    submit_count = models.PositiveIntegerField(default=0)
    next_check_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["payment"],
                condition=~models.Q(state="declined"),
                name="one_live_refund_per_payment",
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("refund"),
            guards.first_state("state", "planned"),
            guards.legal_jumps("state", REFUND_JUMPS),
            guards.frozen_columns("payment", "attempt", "amount_minor", "currency", "reason"),
        ]

    @transition(field=state, source=State.PLANNED, target=State.SUBMITTED)
    def submit(self) -> None:
        """About to be sent."""

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.PLANNED)
    def replan(self) -> None:
        """Surely never given; the same key is sent again."""

    @transition(field=state, source=State.SUBMITTED, target=State.UNKNOWN)
    def lose_track(self) -> None:
        """Nobody can say yet whether the money moved."""

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.SUCCEEDED)
    def succeed(self) -> None:
        """The gateway gave it back."""

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.DECLINED)
    def decline(self) -> None:
        """The gateway refused; the payment stands."""

    def __str__(self) -> str:
        return self.id


class InboundEvent(models.Model):
    """A gateway's webhook, verified and stored raw before anything acts on it."""

    ACCESS: ClassVar = Access(
        operator="account__organization_id",
        reader="account__organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    class State(models.TextChoices):
        RECEIVED = "received", "Received"
        PROCESSED = "processed", "Processed"
        QUARANTINED = "quarantined", "Quarantined"

    id = IdField(prefix="inb")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="+")
    external_id = models.CharField(max_length=120)
    body = models.BinaryField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.RECEIVED)
    result = models.CharField(max_length=300, blank=True)
    received_at = models.DateTimeField(default=clock.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "external_id"],
                name="one_inbound_event_per_external_id",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], name="inbound_due", condition=models.Q(state="received")),
        ]
        triggers: ClassVar = [
            *guards.no_delete("inbound event"),
            guards.frozen_columns("account", "external_id", "body", "received_at"),
            guards.legal_jumps("state", [("received", "processed"), ("received", "quarantined")]),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.external_id}"


class Payout(models.Model):
    """Money a processor sent to the bank: charges less refunds and fees, line by line."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="pyt")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="payouts")
    reference = models.CharField(
        max_length=80,
        help_text="The processor's own number, seen on the bank statement.",
    )
    amount_minor = models.BigIntegerField(help_text="Net: what reaches the bank.")
    currency = models.CharField(max_length=3)
    paid_on = models.DateField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "reference"], name="one_payout_per_reference")
        ]
        triggers: ClassVar = guards.append_only("payout")

    def __str__(self) -> str:
        return self.reference


class PayoutLine(models.Model):
    """One charge or refund inside a payout, gross, with the fee the processor kept for it."""

    class Kind(models.TextChoices):
        CHARGE = "charge", "Charge"
        REFUND = "refund", "Refund"
        RETURN = "return", "Return"

    id = IdField(prefix="pyl")
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="lines")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    gateway_reference = models.CharField(max_length=80)
    our_reference = models.CharField(max_length=40, db_collation="C", help_text="The attempt or refund.")
    gross_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["our_reference", "kind"], name="paid_out_once")]
        triggers: ClassVar = guards.append_only("payout line")

    def __str__(self) -> str:
        return f"{self.kind} {self.gross_minor}"
