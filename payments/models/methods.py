"""How payors pay: cards and bank accounts kept as tokens or sealed, the mandates to use them, their validation."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.accounts import GatewayAccount
from policies.models import Party, Policy

METHOD_JUMPS = [
    ("unvalidated", "active"),
    ("unvalidated", "blocked"),
    ("unvalidated", "removed"),
    ("active", "unvalidated"),
    ("active", "blocked"),
    ("active", "removed"),
    ("blocked", "active"),
    ("blocked", "removed"),
]


class PaymentMethod(FSMModelMixin, models.Model):
    """A card or bank account of a payor: what may be shown of it, and what it takes to charge it.

    A card is only ever a token at a processor (`MethodToken`). A bank account may be a token as well, or a routing
    number and an account number sealed for this row. `fingerprint` is a keyed hash that tells the same account again.
    """

    class Kind(models.TextChoices):
        CARD = "card", "Card"
        ACH = "ach", "Bank account"

    class State(models.TextChoices):
        UNVALIDATED = "unvalidated", "To be validated"
        ACTIVE = "active", "Active"
        BLOCKED = "blocked", "Blocked"
        REMOVED = "removed", "Removed"

    class Holder(models.TextChoices):
        CONSUMER = "consumer", "Consumer"
        BUSINESS = "business", "Business"

    class AccountType(models.TextChoices):
        CHECKING = "checking", "Checking"
        SAVINGS = "savings", "Savings"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="pmt")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="payment_methods")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    holder_name = models.CharField(max_length=120, blank=True)
    holder = models.CharField(max_length=10, choices=Holder.choices, default=Holder.CONSUMER)
    brand = models.CharField(max_length=30, blank=True, help_text="The card's network, or the bank's name.")
    last4 = models.CharField(max_length=4, blank=True)
    exp_month = models.PositiveSmallIntegerField(null=True, blank=True)
    exp_year = models.PositiveSmallIntegerField(null=True, blank=True)
    funding = models.CharField(max_length=10, blank=True, help_text="credit, debit, prepaid; empty: not known.")
    routing_number = models.CharField(max_length=9, blank=True)
    account_sealed = models.TextField(blank=True, default="", editable=False)
    account_type = models.CharField(max_length=10, choices=AccountType.choices, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True, db_collation="C", editable=False)
    network_transaction_id = models.CharField(max_length=80, blank=True)
    is_default = models.BooleanField(default=False)
    state = FSMField(default=State.UNVALIDATED, choices=State.choices, protected=True)
    state_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["party"],
                condition=models.Q(is_default=True) & ~models.Q(state="removed"),
                name="one_default_method_per_party",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "fingerprint"], name="method_by_fingerprint")]
        triggers: ClassVar = [
            *guards.no_delete("payment method"),
            guards.first_state("state", "unvalidated"),
            guards.legal_jumps("state", METHOD_JUMPS),
            guards.frozen_columns("organization", "party", "kind", "created_at"),
        ]

    @transition(field=state, source=[State.UNVALIDATED, State.BLOCKED], target=State.ACTIVE)
    def activate(self) -> None:
        """Validated, or a person lifted the block."""

    @transition(field=state, source=State.ACTIVE, target=State.UNVALIDATED)
    def validate_again(self) -> None:
        """Its number changed; Nacha wants a changed account validated before the next WEB debit."""

    @transition(field=state, source=[State.UNVALIDATED, State.ACTIVE], target=State.BLOCKED)
    def block(self) -> None:
        """The bank or the network said never again."""

    @transition(field=state, source=[State.UNVALIDATED, State.ACTIVE, State.BLOCKED], target=State.REMOVED)
    def remove(self) -> None:
        """The payor took it away."""

    def __str__(self) -> str:
        return f"{self.brand or self.get_kind_display()} ···{self.last4}"


class MethodToken(models.Model):
    """A payment method as one processor account knows it; with tokens at two, a payment can fail over."""

    id = IdField(prefix="tok")
    payment_method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="tokens")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="+")
    token = models.CharField(max_length=120)
    customer = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["payment_method", "account"], name="one_token_per_account")
        ]
        triggers: ClassVar = guards.no_delete("method token")

    def __str__(self) -> str:
        return f"{self.payment_method_id} at {self.account_id}"


class Mandate(models.Model):
    """A payor's leave to be charged: the very words, how, when and from where it was given, and its end.

    Kept at least two years after it was revoked (Nacha Operating Rules, authorization retention).
    """

    class Given(models.TextChoices):
        WEB = "web", "On the web"
        PHONE = "phone", "By phone"
        PAPER = "paper", "On paper"
        AGREEMENT = "agreement", "By agreement"

    ACCESS: ClassVar = Access(
        operator="payment_method__organization_id",
        reader="payment_method__organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="man")
    payment_method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="mandates")
    policy = models.ForeignKey(
        Policy, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: any of the payor."
    )
    recurring = models.BooleanField(default=True)
    text = models.TextField(help_text="The words the payor agreed to.")
    text_version = models.CharField(max_length=40, blank=True)
    given = models.CharField(max_length=10, choices=Given.choices)
    sec_code = models.CharField(max_length=3, blank=True, help_text="For bank debits: WEB, TEL, PPD or CCD.")
    given_at = models.DateTimeField(default=clock.now)
    given_ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    evidence = models.CharField(max_length=200, blank=True, help_text="Where the recording or signed paper is.")
    recorded_by = models.CharField(max_length=40, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["payment_method"],
                condition=models.Q(revoked_at__isnull=True, policy__isnull=True),
                name="one_standing_mandate_per_method",
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("mandate"),
            guards.frozen_columns(
                "payment_method", "policy", "recurring", "text", "text_version", "given", "sec_code", "given_at",
                "given_ip", "user_agent", "evidence", "recorded_by",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_given_display()} {self.given_at:%Y-%m-%d}"


VALIDATION_JUMPS = [("pending", "passed"), ("pending", "failed")]


class AccountValidation(FSMModelMixin, models.Model):
    """One try to show that a bank account is open and the payor's: a prenote, or micro-entries to be named back."""

    class Kind(models.TextChoices):
        PRENOTE = "prenote", "Prenote"
        MICRO_ENTRIES = "micro_entries", "Micro-entries"
        PROCESSOR = "processor", "By the processor"

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        PASSED = "passed", "Passed"
        FAILED = "failed", "Failed"

    ACCESS: ClassVar = Access(
        operator="payment_method__organization_id",
        reader="payment_method__organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="val")
    payment_method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="validations")
    account = models.ForeignKey(GatewayAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=15, choices=Kind.choices)
    amounts_sealed = models.TextField(blank=True, default="", editable=False)
    tries = models.PositiveSmallIntegerField(default=0)
    state = FSMField(default=State.PENDING, choices=State.choices, protected=True)
    result = models.CharField(max_length=200, blank=True)
    ready_at = models.DateTimeField(
        null=True, blank=True, help_text="A prenote that nobody returned by then has passed."
    )
    created_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["payment_method"], condition=models.Q(state="pending"), name="one_pending_validation"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["ready_at"], name="validation_due", condition=models.Q(state="pending"))
        ]
        triggers: ClassVar = [
            *guards.no_delete("account validation"),
            guards.first_state("state", "pending"),
            guards.legal_jumps("state", VALIDATION_JUMPS),
            guards.frozen_columns("payment_method", "kind"),
        ]

    @transition(field=state, source=State.PENDING, target=State.PASSED)
    def succeed(self) -> None:
        """The account is open, and who named the amounts can see it."""

    @transition(field=state, source=State.PENDING, target=State.FAILED)
    def fail(self) -> None:
        """The bank returned it, or the amounts were not known."""

    def __str__(self) -> str:
        return f"{self.kind} of {self.payment_method_id}"
