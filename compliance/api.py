"""Organizations, members, keys, the audit trail and the event log under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import access, approvals, events, identity
from compliance.http import Anyone
from compliance.identity import IssuedKey
from compliance.models import (
    ApiKey,
    AuditEntry,
    EventRecord,
    Membership,
    Organization,
    Permit,
    User,
)
from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from compliance.rules import api as rules_api
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money


class OrganizationShown(Shown):
    class Meta:
        model = Organization
        fields: ClassVar = ["id", "kind", "name", "code", "created_at"]


class Organizations(Rows):
    """The organization the caller acts for."""

    queryset = Organization.objects.all()
    serializer_class = OrganizationShown
    reads = Anyone.OF_THE_ORGANIZATION


class MemberShown(Shown):
    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)

    class Meta:
        model = Membership
        fields: ClassVar = ["id", "user", "email", "name", "role", "created_at"]


class NewMember(Asked):
    email = serializers.EmailField(help_text="The address the person signs in with.")
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class Members(Rows):
    """People with a role in the organization."""

    queryset = Membership.objects.select_related("user")
    serializer_class = MemberShown
    filterset_fields: ClassVar = ["role"]
    reads = Permission.ACCESS_READ
    writes = Permission.ACCESS_WRITE

    @creates(NewMember)
    def create(self, asked: dict[str, Any]) -> Membership:
        """Give a person a role, or change the one they have."""
        user = User.objects.filter(email__iexact=asked["email"]).first()
        if user is None:
            raise Invalid(
                "Nobody signs in with this address; an administrator adds people first.",
                field="email",
            )
        organization_id = access.organization_of(self.actor)
        return identity.set_role(
            user_id=user.id,
            organization_id=organization_id,
            role=asked["role"],
            actor=self.actor,
        )


class ApiKeyShown(Shown):
    class Meta:
        model = ApiKey
        fields: ClassVar = [
            "id",
            "name",
            "last_four",
            "scopes",
            "created_at",
            "expires_at",
            "revoked_at",
        ]


class NewApiKey(Asked):
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(child=serializers.CharField(max_length=40), help_text="Permissions of the key.")
    days = serializers.IntegerField(default=90, help_text=f"Days until it expires, 1 to {identity.MAX_KEY_DAYS}.")


class IssuedKeyShown(ApiKeyShown):
    token = serializers.CharField(read_only=True, help_text="Shown in this answer only; keep it now.")

    class Meta:
        model = ApiKey
        fields: ClassVar = [*ApiKeyShown.Meta.fields, "token"]

    def to_representation(self, instance: IssuedKey) -> dict[str, Any]:
        return {**ApiKeyShown(instance.key).data, "token": instance.token}


class ApiKeys(Rows):
    """Keys of integrations."""

    queryset = ApiKey.objects.all()
    serializer_class = ApiKeyShown
    reads = Permission.ACCESS_READ
    writes = Permission.ACCESS_WRITE

    @creates(NewApiKey, gives=IssuedKeyShown)
    def create(self, asked: dict[str, Any]) -> IssuedKey:
        """Issue a key; its token is in this answer and nowhere else."""
        return identity.issue_api_key(
            organization_id=access.organization_of(self.actor),
            **asked,
            actor=self.actor,
        )

    @acts()
    def revoke(self, id: str, asked: dict[str, Any]) -> ApiKey:
        """End a key now."""
        return identity.revoke_api_key(key_id=id, actor=self.actor)


class AuditEntryShown(Shown):
    class Meta:
        model = AuditEntry
        fields: ClassVar = [
            "id",
            "at",
            "actor_kind",
            "actor_id",
            "actor_label",
            "action",
            "object_id",
            "before",
            "after",
            "reason",
            "request_id",
        ]


class AuditEntries(Rows):
    """Who changed what, with before and after."""

    queryset = AuditEntry.objects.all()
    serializer_class = AuditEntryShown
    filterset_fields: ClassVar = ["object_id", "action", "actor_id"]
    reads = Permission.AUDIT_READ


class EventShown(Shown):
    class Meta:
        model = EventRecord
        fields: ClassVar = [
            "id",
            "type",
            "object_id",
            "subject_id",
            "data",
            "recorded_at",
        ]


class Events(Rows):
    """Public facts, the same that webhooks deliver."""

    queryset = EventRecord.objects.all()
    serializer_class = EventShown
    filterset_fields: ClassVar = ["type", "object_id", "subject_id"]
    reads = Permission.EVENTS_READ


class EventTypeShown(serializers.Serializer[Any]):
    type = serializers.CharField()
    description = serializers.CharField()


class EventTypes(Resource):
    """The catalog of event types."""

    serializer_class = EventTypeShown
    pagination_class = None
    reads = Anyone.OF_THE_ORGANIZATION

    @extend_schema(responses={200: EventTypeShown(many=True)}, filters=False)
    def list(self, request: Request) -> Response:
        catalog = [{"type": name, "description": text} for name, text in events.CATALOG.items()]
        return self.answer(catalog, many=True)


class PermitShown(Shown):
    class Meta:
        model = Permit
        fields: ClassVar = [
            "id",
            "action",
            "object_id",
            "amount_minor",
            "currency",
            "state",
            "reason",
            "requested_by",
            "requested_label",
            "requested_at",
            "decided_by",
            "decided_label",
            "decided_at",
            "decided_reason",
            "expires_at",
        ]


class NewPermit(Asked):
    action = serializers.CharField(max_length=60, help_text="What is to be done, such as invoice.write_off.")
    object_id = serializers.CharField(max_length=40, help_text="The object it is to be done to.")
    amount_minor = serializers.IntegerField(
        required=False, min_value=0, max_value=10**15, help_text="Leave out where no amount is concerned."
    )
    currency = serializers.CharField(max_length=3, default="USD")
    reason = serializers.CharField(max_length=300)


class PermitApproval(Asked):
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class PermitRefusal(Asked):
    reason = serializers.CharField(max_length=300)


class Permits(Rows):
    """Leave to do one thing, asked for by one and given by another."""

    queryset = Permit.objects.all()
    serializer_class = PermitShown
    filterset_fields: ClassVar = ["state", "action", "object_id"]
    reads = Permission.APPROVALS_READ
    writes = Permission.APPROVALS_READ

    @creates(NewPermit)
    def create(self, asked: dict[str, Any]) -> Permit:
        """Ask for a permit for exactly this amount."""
        amount_minor, currency = asked.pop("amount_minor", None), asked.pop("currency")
        amount = None if amount_minor is None else Money(amount_minor, currency)
        return approvals.request(**asked, amount=amount, actor=self.actor)

    @acts(PermitApproval)
    def approve(self, id: str, asked: dict[str, Any]) -> Permit:
        """Allow what another asked for, once."""
        return approvals.approve(permit_id=id, **asked, actor=self.actor)

    @acts(PermitRefusal)
    def refuse(self, id: str, asked: dict[str, Any]) -> Permit:
        """Say that it is not to be done."""
        return approvals.refuse(permit_id=id, **asked, actor=self.actor)


routes = [
    ("organizations", Organizations),
    ("members", Members),
    ("api-keys", ApiKeys),
    ("audit-entries", AuditEntries),
    ("events", Events),
    ("event-types", EventTypes),
    ("permits", Permits),
    *rules_api.routes,
]
