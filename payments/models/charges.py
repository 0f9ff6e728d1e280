"""Payments with the invoices they cover, and their attempts at a gateway."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from billing.models import Invoice
from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.accounts import GatewayAccount
from payments.models.methods import PaymentMethod
from policies.models import Policy

PAYMENT_JUMPS = [
    ("processing", "succeeded"),
    ("processing", "failed"),
    ("succeeded", "refunded"),
    ("succeeded", "returned"),
    ("succeeded", "disputed"),
    ("disputed", "succeeded"),
    ("disputed", "returned"),
]
_PARTS_ADD_UP = """
IF NEW.amount_minor - NEW.surcharge_minor <>
   (SELECT COALESCE(SUM(amount_minor), 0) FROM payments_paymentpart WHERE payment_id = NEW.id) THEN
    RAISE EXCEPTION 'the parts of payment % do not add up', NEW.id USING ERRCODE = 'CP003';
END IF;
RETURN NULL;
"""
_PARTS_END = """
UPDATE payments_paymentpart SET live = false WHERE payment_id = NEW.id AND live;
RETURN NULL;
"""


class Payment(FSMModelMixin, models.Model):
    """The wish to collect an amount for one invoice or several, and how it ended.

    `amount_minor` is what is charged: the parts, one an invoice, and the surcharge. `policy` and `invoice` are those of
    the first part. `represents` is the returned payment that this one presents again.
    """

    class State(models.TextChoices):
        PROCESSING = "processing", "Processing"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        REFUNDED = "refunded", "Refunded"
        RETURNED = "returned", "Returned"
        DISPUTED = "disputed", "Disputed"

    class Initiator(models.TextChoices):
        STAFF = "staff", "Staff"
        PAYOR = "payor", "Payor"
        AUTOPAY = "autopay", "Autopay"
        SCHEDULE = "schedule", "Scheduled"
        RECOVERY = "recovery", "Recovery"
        AGENCY = "agency", "Agency"

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
    surcharge_minor = models.BigIntegerField(default=0, help_text="Our fee for the method, part of the amount.")
    method = models.CharField(max_length=20, help_text="card, ach, check, wire, cash or premium_finance")
    token = models.CharField(
        max_length=120,
        help_text="The processor's token for the method; never a number.",
    )
    payment_method = models.ForeignKey(
        PaymentMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="payments"
    )
    capture = models.BooleanField(default=True, help_text="False: the money is held first, and captured later.")
    initiator = models.CharField(max_length=10, choices=Initiator.choices, default=Initiator.STAFF)
    represents = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="presented_again"
    )
    state = FSMField(default=State.PROCESSING, choices=State.choices, protected=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="payment_moves_money"),
            models.CheckConstraint(
                condition=models.Q(surcharge_minor__gte=0) & models.Q(surcharge_minor__lt=models.F("amount_minor")),
                name="surcharge_is_part_of_it",
            ),
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
            guards.frozen_columns(
                "policy", "invoice", "amount_minor", "currency", "surcharge_minor", "method", "token",
                "payment_method", "capture", "initiator", "represents",
            ),
            pgtrigger.Trigger(
                name="parts_add_up",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                func=_PARTS_ADD_UP,
            ),
            pgtrigger.Trigger(
                name="parts_end",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("state"),
                condition=pgtrigger.Q(old__state="processing") & ~pgtrigger.Q(new__state="processing"),
                func=_PARTS_END,
            ),
        ]  # fmt: skip

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

    @transition(field=state, source=State.SUCCEEDED, target=State.DISPUTED)
    def dispute(self) -> None:
        """The payor disputes it, and the processor took it back for the time being."""

    @transition(field=state, source=State.DISPUTED, target=State.SUCCEEDED)
    def win(self) -> None:
        """The dispute was decided for us, and the money is back."""

    @transition(field=state, source=State.DISPUTED, target=State.RETURNED)
    def lose(self) -> None:
        """The dispute was decided against us, or we gave in."""

    def __str__(self) -> str:
        return self.id


class PaymentPart(models.Model):
    """What a payment pays of one invoice. While the payment is undecided it is live, and no other may be."""

    ACCESS: ClassVar = Access(
        operator="policy__operator_id",
        reader="policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="prt")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="parts")
    position = models.PositiveIntegerField(default=1)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="payment_parts")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payment_parts")
    amount_minor = models.BigIntegerField()
    live = models.BooleanField(default=True, help_text="The database ends it with the payment's processing.")

    class Meta:
        ordering: ClassVar = ["payment_id", "position"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="part_moves_money"),
            models.UniqueConstraint(fields=["payment", "position"], name="one_part_per_position"),
            models.UniqueConstraint(fields=["payment", "invoice"], name="one_part_per_invoice"),
            models.UniqueConstraint(
                fields=["invoice"], condition=models.Q(live=True), name="one_live_part_per_invoice"
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("payment part"),
            guards.frozen_columns("payment", "position", "policy", "invoice", "amount_minor"),
        ]

    @property
    def source_id(self) -> str:
        """What its receipt names as source: the payment for the first part, the part itself for any other."""
        return self.payment_id if self.position == 1 else self.id

    def __str__(self) -> str:
        return f"{self.amount_minor} for {self.invoice_id}"


ATTEMPT_JUMPS = [
    ("planned", "voided"),
    ("submitted", "authorized"),
    ("submitted", "voided"),
    ("pending", "voided"),
    ("unknown", "authorized"),
    ("unknown", "voided"),
    ("authorized", "submitted"),
    ("authorized", "succeeded"),
    ("authorized", "declined"),
    ("authorized", "voided"),
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
    `phase` says what is, or is to be, asked for: the charge, the capture of what is held, or letting it go.
    """

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        SUBMITTED = "submitted", "Submitted"
        PENDING = "pending", "Pending"
        UNKNOWN = "unknown", "Unknown"
        SUCCEEDED = "succeeded", "Succeeded"
        DECLINED = "declined", "Declined"
        AUTHORIZED = "authorized", "Authorized"
        VOIDED = "voided", "Voided"

    class Phase(models.TextChoices):
        CHARGE = "charge", "Charge"
        CAPTURE = "capture", "Capture"
        VOID = "void", "Void"

    LIVE: ClassVar = ["planned", "submitted", "pending", "unknown", "authorized"]
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
    phase = models.CharField(max_length=10, choices=Phase.choices, default=Phase.CHARGE)
    capture_minor = models.BigIntegerField(null=True, blank=True, help_text="What to take of what is held.")
    authorized_until = models.DateTimeField(null=True, blank=True)
    outcome_code = models.CharField(max_length=60, blank=True)
    outcome_message = models.CharField(max_length=300, blank=True)
    network_code = models.CharField(max_length=20, blank=True, help_text="The word of the network or bank behind.")
    advice = models.CharField(max_length=20, blank=True, help_text="The network's advice about trying again.")
    network_transaction_id = models.CharField(max_length=80, blank=True)
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
                condition=models.Q(state__in=["planned", "submitted", "pending", "unknown", "authorized"]),
                name="one_live_charge_per_invoice",
            ),
            models.UniqueConstraint(fields=["payment", "number"], name="one_attempt_per_number"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_check_at"],
                name="attempt_due",
                condition=models.Q(state__in=["planned", "submitted", "pending", "unknown", "authorized"]),
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

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.AUTHORIZED)
    def hold(self) -> None:
        """The money is held at the gateway, and not taken."""

    @transition(field=state, source=State.AUTHORIZED, target=State.SUBMITTED)
    def send_on(self) -> None:
        """About to capture what is held, or to let it go."""

    @transition(
        field=state,
        source=[State.PLANNED, State.SUBMITTED, State.PENDING, State.UNKNOWN, State.AUTHORIZED],
        target=State.VOIDED,
    )
    def void(self) -> None:
        """Withdrawn before any money moved."""

    @transition(
        field=state,
        source=[State.SUBMITTED, State.PENDING, State.UNKNOWN, State.AUTHORIZED],
        target=State.SUCCEEDED,
    )
    def succeed(self) -> None:
        """The gateway has the money."""

    @transition(
        field=state,
        source=[State.SUBMITTED, State.PENDING, State.UNKNOWN, State.AUTHORIZED],
        target=State.DECLINED,
    )
    def decline(self) -> None:
        """The gateway refused; no money moved."""

    def __str__(self) -> str:
        return self.id
