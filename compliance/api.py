"""Organizations, members, keys, the audit trail and the event log under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import access, events, identity
from compliance.http import Anyone
from compliance.identity import IssuedKey
from compliance.models import (
    ApiKey,
    AuditEntry,
    EventRecord,
    Membership,
    Organization,
    User,
)
from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from coverpay.kernel.errors import Invalid


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


routes = [
    ("organizations", Organizations),
    ("members", Members),
    ("api-keys", ApiKeys),
    ("audit-entries", AuditEntries),
    ("events", Events),
    ("event-types", EventTypes),
]
