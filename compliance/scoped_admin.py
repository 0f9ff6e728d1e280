"""The bases of the finance admin: read-only and never a row that the person may not see, or edited and audited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.db import models
from django.db.models import BinaryField, Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.paginator import InfinitePaginator

from compliance import access, audit
from compliance.access import Access
from compliance.http import actor_of
from compliance.models import User
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money

Shown = str | Callable[[Any], str]


def money(column: str, title: str = "", currency: str = "currency") -> Callable[[Any], str]:
    """Make a column that reads minor units as an amount.

    Takes:  the field, its title, and the path to the currency from the row, such as ``invoice__currency``.
    """

    def shown(row: Any) -> str:
        amount_minor = getattr(row, column)
        return "–" if amount_minor is None else str(Money(amount_minor, _along(row, currency)))

    shown.__name__ = column
    shown.short_description = title or column.removesuffix("_minor").replace("_", " ")  # type: ignore[attr-defined]
    shown.admin_order_field = column  # type: ignore[attr-defined]
    return shown


def _along(row: Any, path: str) -> Any:
    for step in path.split("__"):
        row = getattr(row, step)
    return row


class ScopedReadOnly(ModelAdmin):  # type: ignore[misc]
    """A table that is looked at: rows by `access.visible`, no add, no change, no delete.

    Filters are on a row's own state and dates only, so that no filter lists the names of other organizations.
    """

    hides: ClassVar[frozenset[str]] = frozenset()
    """Fields never shown, such as hashes and sealed secrets."""

    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    list_display_links: ClassVar[Sequence[str]] = ["id"]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return access.visible(actor_of(request), super().get_queryset(request))

    def get_list_select_related(self, request: HttpRequest) -> Sequence[str]:
        """Join what the list shows and no more; left to itself, the admin joins every table that can be reached."""
        if isinstance(self.list_select_related, list | tuple):
            return self.list_select_related
        related = {field.name for field in self.model._meta.concrete_fields if field.is_relation}
        return [name for name in self.list_display if name in related]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [self._shown(field) for field in self.model._meta.concrete_fields if self._may_be_shown(field)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    def _may_be_shown(self, field: models.Field[Any, Any]) -> bool:
        return field.name not in self.hides and not isinstance(field, BinaryField)

    def _shown(self, field: models.Field[Any, Any]) -> Shown:
        return money(field.name) if field.name.endswith("_minor") and _has_currency(self.model) else field.name

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user = request.user
        if not (isinstance(user, User) and user.is_active and user.is_staff):
            return False
        spec: Access = self.model.ACCESS
        actor = actor_of(request)
        return actor.sees_all or (
            actor.organization_id is not None and (spec.permission is None or access.may(actor, spec.permission))
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _has_currency(model: type[Model]) -> bool:
    return any(field.name == "currency" for field in model._meta.concrete_fields)


class Part(TabularInline):  # type: ignore[misc]
    """The parts of a row, such as the lines of an invoice: seen with it, never edited."""

    extra = 0
    can_delete = False
    show_change_link = False
    ordering: ClassVar[Sequence[str]] = ["pk"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or ()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
