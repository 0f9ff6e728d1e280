"""The finance admin of people, keys, the audit trail and events. Only a superuser edits people, and that is audited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from compliance import audit
from compliance.http import actor_of
from compliance.models import ApiKey, AuditEntry, EventRecord, Membership, Organization, User
from compliance.scoped_admin import ScopedReadOnly
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command

if TYPE_CHECKING:
    _UserAdmin = DjangoUserAdmin[User]
else:
    _UserAdmin = DjangoUserAdmin

admin.site.unregister(Group)


class EditedBySuperusers(ModelAdmin):  # type: ignore[misc]
    """A table that a superuser edits, each change a command with its audit entry. Nothing is deleted here."""

    actions = None

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        return self._as_command(actor=actor_of(request), request=request, object_id=object_id, form_url=form_url)

    def _as_command(self, *, actor: Actor, request: HttpRequest, object_id: str | None, form_url: str) -> Any:
        @command
        def edit_in_admin(*, actor: Actor) -> Any:
            response = self._changeform_view(request, object_id, form_url, None)
            commands.unchanged()
            return response

        return edit_in_admin(actor=actor)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record("create", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record("change", obj, message)
        return super().log_change(request, obj, message)

    def _record(self, verb: str, obj: Any, message: Any) -> None:
        audit.record(
            action=f"{self.model._meta.model_name}.{verb}",
            object_id=obj.pk,
            organization_id=getattr(obj, "organization_id", None),
            after={"admin": message, **self.told(obj)},
        )

    def told(self, obj: Any) -> dict[str, Any]:
        """What the audit entry says of the row after the change; never a secret."""
        return {}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _superuser(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


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
    search_fields: ClassVar = ["=object_id", "=actor_id", "=request_id", "action__startswith"]


@admin.register(EventRecord)
class EventRecordAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "recorded_at", "type", "object_id", "subject_id"]
    list_filter: ClassVar = ["recorded_at"]
    search_fields: ClassVar = ["=id", "=object_id", "=subject_id", "type__startswith"]
