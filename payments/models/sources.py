"""Statements of others about money they and we both keep books on: carriers' remittance advice, agencies' payments."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models import Policy

READ = Permission.RECONCILIATION_READ
SOURCE_JUMPS = [
    ("received", "agreed"),
    ("received", "different"),
    ("agreed", "different"),
    ("different", "agreed"),
    ("agreed", "withdrawn"),
    ("different", "withdrawn"),
]


class SourceKind(models.TextChoices):
    """Whose statement it is, and about what."""

    CARRIER = "carrier_remittance", "Carrier's remittance advice"
    AGENCY = "agency_payments", "Agency's payments"


class SourceMap(models.Model):
    """Which column of another's CSV means what, by version; `payments.source_files` reads the spec."""

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=READ)

    id = IdField(prefix="smp")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=SourceKind.choices)
    counterparty = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "kind", "counterparty", "number"], name="one_source_map_per_number"
            )
        ]
        triggers: ClassVar = guards.append_only("source map")

    def __str__(self) -> str:
        return f"{self.counterparty} v{self.number}"


class SourceStatement(FSMModelMixin, models.Model):
    """What a carrier or an agency says of a period; its lines come to its total, or it would not be here."""

    class State(models.TextChoices):
        RECEIVED = "received", "Received"
        AGREED = "agreed", "Agrees with our books"
        DIFFERENT = "different", "Differs from our books"
        WITHDRAWN = "withdrawn", "Withdrawn"

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=READ)

    id = IdField(prefix="sst")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=SourceKind.choices)
    counterparty = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=80, help_text="The other side's own number of the statement.")
    from_on = models.DateField()
    to_on = models.DateField(help_text="The last day.")
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField(help_text="What the statement says its lines come to.")
    remittances = models.JSONField(
        default=list, blank=True, help_text="References of our remittances that it says it received."
    )
    line_count = models.PositiveIntegerField()
    content_sha256 = models.CharField(max_length=64, db_collation="C")
    file_name = models.CharField(max_length=200, blank=True)
    map = models.ForeignKey(SourceMap, null=True, blank=True, on_delete=models.PROTECT, related_name="statements")
    state = FSMField(default=State.RECEIVED, choices=State.choices, protected=True)
    withdrawn_reason = models.CharField(max_length=300, blank=True)
    compared_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "kind", "counterparty", "content_sha256"],
                condition=~models.Q(state="withdrawn"),
                name="one_source_statement_per_content",
            ),
            models.UniqueConstraint(
                fields=["organization", "kind", "counterparty", "reference"],
                condition=~models.Q(state="withdrawn"),
                name="one_source_statement_per_reference",
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("source statement"),
            guards.first_state("state", "received"),
            guards.legal_jumps("state", SOURCE_JUMPS),
            guards.frozen_columns(
                "organization", "kind", "counterparty", "reference", "from_on", "to_on", "currency", "total_minor",
                "remittances", "line_count", "content_sha256", "map",
            ),
        ]  # fmt: skip

    @transition(field=state, source=[State.RECEIVED, State.DIFFERENT], target=State.AGREED)
    def agree(self) -> None:
        """Every item is equal on both sides."""

    @transition(field=state, source=[State.RECEIVED, State.AGREED], target=State.DIFFERENT)
    def differ(self) -> None:
        """At least one item is not equal on both sides."""

    @transition(field=state, source=[State.AGREED, State.DIFFERENT], target=State.WITHDRAWN)
    def withdraw(self) -> None:
        """It was not the right statement; its breaks are closed."""

    def __str__(self) -> str:
        return self.reference


class SourceLine(models.Model):
    """One line as the other side wrote it."""

    ACCESS: ClassVar = Access(
        operator="statement__organization_id", reader="statement__organization_id", permission=READ
    )

    id = IdField(prefix="ssl")
    statement = models.ForeignKey(SourceStatement, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField(help_text="Line in the file.")
    policy_mark = models.CharField(max_length=60, help_text="The policy as the other side writes it.")
    item = models.CharField(max_length=60, blank=True, help_text="The component, or the invoice's number.")
    amount_minor = models.BigIntegerField()
    reference = models.CharField(max_length=120, blank=True)
    dated_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["statement", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["statement", "position"], name="one_source_line_per_position")
        ]
        triggers: ClassVar = guards.append_only("source line")

    def __str__(self) -> str:
        return f"{self.policy_mark} {self.item}".strip()


class SourceItem(models.Model):
    """One policy and item with both sides beside each other, as last compared."""

    class Outcome(models.TextChoices):
        EQUAL = "equal", "Equal"
        WE_MORE = "we_more", "We have more"
        WE_LESS = "we_less", "We have less"
        UNKNOWN = "unknown", "Unknown to us"
        MISSING = "missing", "Missing there"

    ACCESS: ClassVar = Access(
        operator="statement__organization_id", reader="statement__organization_id", permission=READ
    )

    id = IdField(prefix="ssi")
    statement = models.ForeignKey(SourceStatement, on_delete=models.PROTECT, related_name="items")
    policy_mark = models.CharField(max_length=60, blank=True)
    policy = models.ForeignKey(Policy, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    item = models.CharField(max_length=60, blank=True)
    theirs_minor = models.BigIntegerField()
    ours_minor = models.BigIntegerField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices)

    class Meta:
        ordering: ClassVar = ["statement", "policy_mark", "item"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["statement", "policy_mark", "item"], name="one_source_item_per_mark")
        ]
        triggers: ClassVar = [
            *guards.no_delete("source item"),
            guards.frozen_columns("statement", "policy_mark", "item"),
        ]

    @property
    def difference_minor(self) -> int:
        """What the other side says less what our books say."""
        return self.theirs_minor - self.ours_minor

    def __str__(self) -> str:
        return f"{self.policy_mark} {self.item}".strip()
