"""Policies and their terms."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models.parties import Party, Program, ProgramVersion

POLICY_JUMPS = [
    ("quoted", "bound"),
    ("quoted", "not_taken"),
    ("bound", "issued"),
    ("bound", "cancelled"),
    ("issued", "cancelled"),
    ("cancelled", "issued"),
    ("bound", "expired"),
    ("issued", "expired"),
    ("expired", "issued"),
]


class Policy(FSMModelMixin, models.Model):
    """One insurance contract with one operator, who bills it. Its row is the one lock of its money."""

    class State(models.TextChoices):
        QUOTED = "quoted", "Quoted"
        BOUND = "bound", "Bound"
        ISSUED = "issued", "Issued"
        CANCELLED = "cancelled", "Cancelled"
        EXPIRED = "expired", "Expired"
        NOT_TAKEN = "not_taken", "Not taken"

    IN_FORCE: ClassVar = ["bound", "issued"]
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
    rewrites = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="rewritten_as")
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
            guards.frozen_columns("operator", "program", "number", "insured", "rewrites"),
        ]

    @transition(field=state, source=State.QUOTED, target=State.BOUND)
    def bind(self) -> None:
        """Cover begins; what the charges say is owed."""

    @transition(field=state, source=State.QUOTED, target=State.NOT_TAKEN)
    def decline(self) -> None:
        """The quote is closed; nothing is owed."""

    @transition(field=state, source=State.BOUND, target=State.ISSUED)
    def issue(self) -> None:
        """The contract's documents are with the insured."""

    @transition(field=state, source=[State.BOUND, State.ISSUED], target=State.CANCELLED)
    def cancel(self) -> None:
        """Cover ended before its time."""

    @transition(field=state, source=State.CANCELLED, target=State.ISSUED)
    def reinstate(self) -> None:
        """Cover goes on, with or without a gap; the contract counts as issued anew."""

    @transition(field=state, source=[State.BOUND, State.ISSUED], target=State.EXPIRED)
    def expire(self) -> None:
        """The last term ran out and no other follows."""

    @transition(field=state, source=State.EXPIRED, target=State.ISSUED)
    def renew(self) -> None:
        """A renewal was accepted after the last term had run out."""

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


TERM_JUMPS = [
    ("offered", "in_force"),
    ("offered", "not_taken"),
    ("in_force", "cancelled"),
    ("in_force", "expired"),
    ("cancelled", "in_force"),
]


class Term(FSMModelMixin, models.Model):
    """One period of cover, first day included, last day excluded. A quote or renewal is offered until it is taken."""

    class State(models.TextChoices):
        OFFERED = "offered", "Offered"
        IN_FORCE = "in_force", "In force"
        CANCELLED = "cancelled", "Cancelled"
        EXPIRED = "expired", "Expired"
        NOT_TAKEN = "not_taken", "Not taken"

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
    state = FSMField(default=State.OFFERED, choices=State.choices, protected=True)

    class Meta:
        ordering: ClassVar = ["policy", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["policy", "number"], name="one_term_per_number"),
            models.CheckConstraint(
                condition=models.Q(expires_on__gt=models.F("effective_on")),
                name="term_has_days",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_on"], name="term_to_end", condition=models.Q(state="in_force")),
            models.Index(fields=["effective_on"], name="term_offered", condition=models.Q(state="offered")),
        ]
        triggers: ClassVar = [
            *guards.no_delete("term"),
            guards.first_state("state", "offered"),
            guards.legal_jumps("state", TERM_JUMPS),
            guards.frozen_columns("policy", "number", "state_code", "effective_on", "program_version"),
        ]

    @transition(field=state, source=State.OFFERED, target=State.IN_FORCE)
    def take(self) -> None:
        """The quote was bound, or the renewal accepted."""

    @transition(field=state, source=State.OFFERED, target=State.NOT_TAKEN)
    def let_go(self) -> None:
        """The quote was closed, or the renewal not paid."""

    @transition(field=state, source=State.IN_FORCE, target=State.CANCELLED)
    def cancel(self) -> None:
        """Cover ended before its time."""

    @transition(field=state, source=State.CANCELLED, target=State.IN_FORCE)
    def reinstate(self) -> None:
        """Cover goes on."""

    @transition(field=state, source=State.IN_FORCE, target=State.EXPIRED)
    def expire(self) -> None:
        """The last day is over."""

    def __str__(self) -> str:
        return f"{self.effective_on} to {self.expires_on}"
