"""Who works here, and what they may do."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.contrib.postgres.fields import ArrayField
from django.db import models

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
