"""Parties, programs, and policies with their terms, transactions, segments and charges."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField


class Party(models.Model):
    """Someone named on a policy: insured, payor, mortgagee. Never a login."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="pty")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=80, help_text="The operator's own number for this party.")
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    address_line = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=2, blank=True)
    postal_code = models.CharField(max_length=12, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name_plural = "parties"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "reference"], name="one_party_per_reference")
        ]

    def __str__(self) -> str:
        return self.name


class Program(models.Model):
    """A carrier's delegated authority: who insures, who bills, in which lines and states."""

    ACCESS: ClassVar = Access(
        operator="operator_id",
        reader="operator_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="prg")
    operator = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="programs")
    carrier = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=40)
    name = models.CharField(max_length=160)
    currency = models.CharField(max_length=3, default="USD")

    class Meta:
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["operator", "code"], name="one_program_per_code")]

    def __str__(self) -> str:
        return self.name


class ProgramVersion(models.Model):
    """The program's terms from a date on: never edited, only followed by the next version.

    `terms` is read by `policies.rating`: commission rate and the rules of every charge beside the premium.
    """

    ACCESS: ClassVar = Access(
        operator="program__operator_id",
        reader="program__operator_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="pgv")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    states = ArrayField(models.CharField(max_length=2))
    terms = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["program", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "number"], name="one_program_version_per_number")
        ]
        triggers: ClassVar = guards.append_only("program version")

    def __str__(self) -> str:
        return f"{self.program.code} v{self.number}"


POLICY_JUMPS = [("quoted", "bound"), ("quoted", "not_taken")]


class Policy(FSMModelMixin, models.Model):
    """One insurance contract with one operator, who bills it. Its row is the one lock of its money."""

    class State(models.TextChoices):
        QUOTED = "quoted", "Quoted"
        BOUND = "bound", "Bound"
        NOT_TAKEN = "not_taken", "Not taken"

    ACCESS: ClassVar = Access(
        operator="operator_id",
        reader="participants__organization_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="pol")
    operator = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="policies")
    number = models.CharField(max_length=60)
    insured = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="policies")
    state = FSMField(default=State.QUOTED, choices=State.choices, protected=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name_plural = "policies"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["operator", "number"], name="one_policy_per_number")]
        indexes: ClassVar = [models.Index(fields=["operator", "state", "id"], name="policy_by_state")]
        triggers: ClassVar = [
            *guards.no_delete("policy"),
            guards.first_state("state", "quoted"),
            guards.legal_jumps("state", POLICY_JUMPS),
            guards.frozen_columns("operator", "program", "number", "insured"),
        ]

    @transition(field=state, source=State.QUOTED, target=State.BOUND)
    def bind(self) -> None:
        """Cover begins; what the charges say is owed."""

    @transition(field=state, source=State.QUOTED, target=State.NOT_TAKEN)
    def decline(self) -> None:
        """The quote is closed; nothing is owed."""

    def __str__(self) -> str:
        return self.number


class Participant(models.Model):
    """An organization's part in a policy. The operator is one too, so that reading takes one lookup."""

    class Role(models.TextChoices):
        OPERATOR = "operator", "Operator"
        CARRIER = "carrier", "Carrier"
        MGA = "mga", "MGA"
        WHOLESALER = "wholesaler", "Wholesaler"
        AGENCY = "agency", "Agency"

    id = IdField(prefix="par")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="participants")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=12, choices=Role.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "policy"], name="one_part_per_organization")
        ]

    def __str__(self) -> str:
        return f"{self.organization} as {self.role}"


class Term(models.Model):
    """One period of cover, first day included, last day excluded."""

    ACCESS: ClassVar = Access(
        operator="policy__operator_id",
        reader="policy__participants__organization_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="trm")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="terms")
    number = models.PositiveIntegerField(default=1)
    state_code = models.CharField(max_length=2, help_text="Where the risk is.")
    effective_on = models.DateField()
    expires_on = models.DateField()
    program_version = models.ForeignKey(ProgramVersion, on_delete=models.PROTECT, related_name="+")
    plan_code = models.CharField(max_length=40, help_text="The payment plan asked for at quote.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["policy", "number"], name="one_term_per_number"),
            models.CheckConstraint(
                condition=models.Q(expires_on__gt=models.F("effective_on")),
                name="term_has_days",
            ),
        ]
        triggers: ClassVar = guards.no_delete("term")

    def __str__(self) -> str:
        return f"{self.effective_on} to {self.expires_on}"


class Transaction(models.Model):
    """A change of the contract, in the order it was processed: new business first."""

    class Kind(models.TextChoices):
        NEW_BUSINESS = "new_business", "New business"

    id = IdField(prefix="txn")
    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="transactions")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Kind.choices)
    effective_on = models.DateField()
    processed_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["term", "sequence"], name="one_transaction_per_sequence")
        ]
        triggers: ClassVar = guards.append_only("transaction")

    def __str__(self) -> str:
        return f"{self.kind} {self.effective_on}"


class Segment(models.Model):
    """Days of one term written at one annual rate by one transaction. Written premium is the sum of segments."""

    id = IdField(prefix="seg")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="segments")
    starts_on = models.DateField()
    ends_on = models.DateField()
    written_minor = models.BigIntegerField(help_text="Premium written for these days, minor units.")
    currency = models.CharField(max_length=3)

    class Meta:
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


class PolicyImport(models.Model):
    """One uploaded file of policies: the same content is imported once, and only whole."""

    class State(models.TextChoices):
        IMPORTED = "imported", "Imported"
        REFUSED = "refused", "Refused"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.POLICIES_WRITE,
    )

    id = IdField(prefix="imp")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=200)
    content_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices)
    row_count = models.PositiveIntegerField(default=0)
    policy_count = models.PositiveIntegerField(default=0)
    problem_count = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list, help_text="The first 1,000: row, column, code, message.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "content_sha256"],
                condition=models.Q(state="imported"),
                name="one_import_per_content",
            )
        ]

    def __str__(self) -> str:
        return self.file_name
