"""Who works here, what they may do, and the records that are never rewritten."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> User:
        return self.create_user(email, password, **{**extra, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an email address; what they may do comes from memberships."""

    id = IdField(prefix="usr")
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May open the finance admin.")
    date_joined = models.DateTimeField(default=clock.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    def get_full_name(self) -> str:
        return self.name or self.email

    def __str__(self) -> str:
        return self.get_full_name()


class Organization(models.Model):
    """Who logs in and whose books are kept; not a party named on a policy."""

    class Kind(models.TextChoices):
        CARRIER = "carrier", "Carrier"
        MGA = "mga", "MGA"
        WHOLESALER = "wholesaler", "Wholesaler"
        AGENCY = "agency", "Agency"
        FINANCE_COMPANY = "finance_company", "Premium finance company"

    ACCESS: ClassVar = Access(operator="id", reader="id", permission=None)

    id = IdField(prefix="org")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.CharField(max_length=160)
    code = models.SlugField(max_length=40, unique=True, help_text="Short name used in imports.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["name"]
        triggers: ClassVar = guards.no_delete("organization")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's role in one organization."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer"
        BILLING = "billing", "Billing"
        CASH = "cash", "Cash"
        FINANCE = "finance", "Finance"
        COMPLIANCE = "compliance", "Compliance"
        ADMIN = "admin", "Administrator"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.ACCESS_READ,
    )

    id = IdField(prefix="mem")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "organization"], name="one_membership_per_organization")
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} at {self.organization}"


class ApiKey(models.Model):
    """An integration's credential: only a hash is kept, the secret is shown once."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.ACCESS_READ,
    )

    id = IdField(prefix="key")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=80)
    secret_sha256 = models.CharField(max_length=64, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    scopes = ArrayField(models.CharField(max_length=40))
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        triggers: ClassVar = [guards.frozen_columns("secret_sha256", "organization", "scopes", "expires_at")]

    def __str__(self) -> str:
        return f"{self.name} (…{self.last_four})"


class AuditEntry(models.Model):
    """One change: who, when, what, before and after. Written in the command's transaction, never rewritten."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.AUDIT_READ,
    )

    id = IdField(prefix="aud")
    at = models.DateTimeField(default=clock.now)
    organization = models.ForeignKey(Organization, null=True, on_delete=models.PROTECT, related_name="+")
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=40)
    actor_label = models.CharField(max_length=160, blank=True)
    action = models.CharField(max_length=80)
    object_id = models.CharField(max_length=40, db_collation="C")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            models.Index(fields=["object_id", "id"], name="audit_by_object"),
            models.Index(fields=["organization", "id"], name="audit_by_organization"),
        ]
        triggers: ClassVar = guards.append_only("audit entry")

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"


class EventRecord(models.Model):
    """A public fact about an object, told to the operator's webhook endpoints."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.EVENTS_READ,
    )

    id = IdField(prefix="evt")
    type = models.CharField(max_length=60)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    object_id = models.CharField(max_length=40, db_collation="C")
    subject_id = models.CharField(max_length=40, blank=True, db_collation="C", help_text="The policy, if any.")
    data = models.JSONField()
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "id"], name="event_by_organization"),
            models.Index(fields=["subject_id", "id"], name="event_by_subject"),
        ]
        triggers: ClassVar = guards.append_only("event")

    def __str__(self) -> str:
        return f"{self.type} {self.object_id}"


class Explanation(models.Model):
    """Why one figure of one object is what it is. Kept as written, beside the figure it explains."""

    id = IdField(prefix="why")
    subject_id = models.CharField(max_length=40, db_collation="C")
    figure = models.CharField(max_length=60)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    formula = models.TextField()
    inputs = models.JSONField(default=dict)
    rule = models.CharField(max_length=120, blank=True)
    rule_version = models.CharField(max_length=60, blank=True)
    citation = models.TextField(blank=True)
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject_id", "figure"], name="one_explanation_per_figure")
        ]
        triggers: ClassVar = guards.append_only("explanation")

    def __str__(self) -> str:
        return f"{self.subject_id} {self.figure}"


PERMIT_JUMPS = [("requested", "approved"), ("requested", "refused"), ("approved", "used"), ("approved", "refused")]


class Permit(FSMModelMixin, models.Model):
    """Leave to do one thing, given by someone else than who asked. `digest` binds action, object and amount."""

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"
        USED = "used", "Used"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.APPROVALS_READ,
    )

    id = IdField(prefix="prm")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60)
    object_id = models.CharField(max_length=40, db_collation="C")
    amount_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    digest = models.CharField(max_length=64)
    state = FSMField(default=State.REQUESTED, choices=State.choices, protected=True)
    reason = models.CharField(max_length=300, help_text="Why it is asked for.")
    requested_by = models.CharField(max_length=40)
    requested_label = models.CharField(max_length=160, blank=True)
    requested_at = models.DateTimeField(default=clock.now)
    decided_by = models.CharField(max_length=40, blank=True)
    decided_label = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_reason = models.CharField(max_length=300, blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "digest"],
                condition=models.Q(state__in=["requested", "approved"]),
                name="one_live_permit_per_digest",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by="") | ~models.Q(decided_by=models.F("requested_by")),
                name="decided_by_another",
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("permit"),
            guards.first_state("state", "requested"),
            guards.legal_jumps("state", PERMIT_JUMPS),
            guards.frozen_columns(
                "organization", "action", "object_id", "amount_minor", "currency", "digest", "requested_by"
            ),
        ]

    @transition(field=state, source=State.REQUESTED, target=State.APPROVED)
    def approve(self) -> None:
        """Someone else allows it, once."""

    @transition(field=state, source=[State.REQUESTED, State.APPROVED], target=State.REFUSED)
    def refuse(self) -> None:
        """It is not to be done."""

    @transition(field=state, source=State.APPROVED, target=State.USED)
    def use(self) -> None:
        """What was allowed has been done."""

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"


class RuleDecision(models.Model):
    """A person's decision to use a value for a rule that is not established, from a day on. The latest one counts."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.RULES_READ,
    )

    id = IdField(prefix="dec")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    rule = models.CharField(max_length=80)
    jurisdiction = models.CharField(max_length=2)
    line = models.CharField(max_length=40)
    conditions = models.JSONField(default=dict, help_text="What the decision is limited to, e.g. the initiator.")
    value = models.JSONField()
    unit = models.CharField(max_length=40, blank=True)
    fact_id = models.CharField(max_length=40, blank=True, help_text="The fact it confirms or overrides, if any.")
    citation = models.TextField(blank=True)
    reason = models.CharField(max_length=300)
    decided_by = models.CharField(max_length=40)
    decided_label = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(default=clock.now)
    effective_from = models.DateField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["organization", "rule", "jurisdiction"], name="decision_by_rule")]
        triggers: ClassVar = guards.append_only("rule decision")

    def __str__(self) -> str:
        return f"{self.rule} {self.jurisdiction}: {self.value}"


class Moratorium(models.Model):
    """A stop on cancellation and its notices in a state or postal area for some days. Invoices go on."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.RULES_READ,
    )

    id = IdField(prefix="mor")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=160)
    state_code = models.CharField(max_length=2)
    postal_prefixes = ArrayField(
        models.CharField(max_length=12), default=list, blank=True, help_text="Empty: the whole state."
    )
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The last day of it.")
    citation = models.TextField(blank=True)
    lifted_on = models.DateField(null=True, blank=True, help_text="Ended early: from this day on it stops nothing.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "moratoriums"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(ends_on__gte=models.F("starts_on")), name="moratorium_has_days")
        ]
        triggers: ClassVar = [
            *guards.no_delete("moratorium"),
            guards.frozen_columns("organization", "state_code", "postal_prefixes", "starts_on", "ends_on"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state_code})"
