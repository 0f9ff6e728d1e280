"""The finance admin of people, keys, events, permits and rules. Only a superuser edits people, and that is audited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.http import HttpRequest, HttpResponse
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from compliance.http import actor_of
from compliance.models import (
    ApiKey,
    AuditEntry,
    EventRecord,
    Membership,
    Moratorium,
    Organization,
    Permit,
    RuleDecision,
    User,
)
from compliance.scoped_admin import EditedBySuperusers, ScopedReadOnly, money
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command

if TYPE_CHECKING:
    _UserAdmin = DjangoUserAdmin[User]
else:
    _UserAdmin = DjangoUserAdmin


@admin.register(User)
class UserAdmin(EditedBySuperusers, _UserAdmin):  # type: ignore[misc]
    """People with an account; switched off instead of deleted, so that the audit trail keeps its names."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering: ClassVar = ["email"]
    list_display = ["email", "name", "is_active", "is_staff", "is_superuser", "last_login"]
    list_filter: ClassVar = ["is_active", "is_staff", "is_superuser"]
    search_fields: ClassVar = ["email", "name"]
    filter_horizontal: ClassVar = []
    readonly_fields: ClassVar = ["id", "last_login", "date_joined"]
    fieldsets: ClassVar = [
        (None, {"fields": ["id", "email", "name", "password"]}),
        ("Access", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "is_staff", "password1", "password2"]})]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Skip Django's own, which opens a transaction that a command could not be the outermost of."""
        return self.changeform_view(request, None, form_url, extra_context)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        if request.method != "POST":
            return super().user_change_password(request, id, form_url)

        @command
        def change_password(*, actor: Actor) -> HttpResponse:
            response = super(UserAdmin, self).user_change_password(request, id, form_url)
            commands.unchanged()
            return response

        return change_password(actor=actor_of(request))

    def told(self, obj: User) -> dict[str, Any]:
        return {
            "email": obj.email,
            "is_active": obj.is_active,
            "is_staff": obj.is_staff,
            "is_superuser": obj.is_superuser,
        }


@admin.register(Membership)
class MembershipAdmin(EditedBySuperusers):
    """Who has which role where."""

    list_display: ClassVar = ["user", "organization", "role", "created_at"]
    list_filter: ClassVar = ["role"]
    list_select_related: ClassVar = ["user", "organization"]
    search_fields: ClassVar = ["user__email", "user__name", "organization__name"]
    fields: ClassVar = ["user", "organization", "role"]

    def told(self, obj: Membership) -> dict[str, Any]:
        return {"user": obj.user_id, "role": obj.role}


@admin.register(Organization)
class OrganizationAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "name", "kind", "code", "created_at"]
    list_filter: ClassVar = ["kind"]
    search_fields: ClassVar = ["name", "code", "=id"]


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedReadOnly):
    hides = frozenset({"secret_sha256"})
    list_display: ClassVar = ["id", "name", "organization", "last_four", "created_at", "expires_at", "revoked_at"]
    list_filter: ClassVar = ["expires_at", "revoked_at"]
    search_fields: ClassVar = ["name", "=id", "=last_four"]


@admin.register(AuditEntry)
class AuditEntryAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "at", "actor_label", "action", "object_id", "reason"]
    list_filter: ClassVar = ["actor_kind", "at"]
    search_fields: ClassVar = ["=id", "=object_id", "=actor_id", "=request_id", "action__startswith"]


@admin.register(EventRecord)
class EventRecordAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "recorded_at", "type", "object_id", "subject_id"]
    list_filter: ClassVar = ["recorded_at"]
    search_fields: ClassVar = ["=id", "=object_id", "=subject_id", "type__startswith"]


@admin.register(Permit)
class PermitAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "state",
        "action",
        "object_id",
        money("amount_minor"),
        "requested_label",
        "decided_label",
    ]
    list_filter: ClassVar = ["state", "requested_at"]
    search_fields: ClassVar = ["=id", "=object_id", "=requested_by", "=decided_by", "action__startswith"]


@admin.register(RuleDecision)
class RuleDecisionAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "rule", "jurisdiction", "line", "value", "effective_from", "decided_label"]
    list_filter: ClassVar = ["effective_from"]
    search_fields: ClassVar = ["=id", "=jurisdiction", "rule__startswith", "=fact_id"]


@admin.register(Moratorium)
class MoratoriumAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "name", "state_code", "starts_on", "ends_on", "lifted_on"]
    list_filter: ClassVar = ["starts_on", "ends_on"]
    search_fields: ClassVar = ["=id", "=state_code", "name"]
