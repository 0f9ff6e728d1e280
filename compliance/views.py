"""Settings pages: members and roles, API keys, the audit trail."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access, identity, queries
from compliance.forms import AuditFilters, KeyForm, MemberForm, RoleForm
from compliance.http import StaffPage
from compliance.models import AuditEntry, Membership, User
from compliance.pages import ActionPage, CommandPage, FilterForm, ListPage
from compliance.permissions import ROLE_PERMISSIONS, Permission
from coverpay.kernel.errors import DomainError, Invalid, NotFound

P = Permission


class Members(CommandPage):
    """Who works here, in which role; give a role to someone who has an account."""

    reads = P.ACCESS_READ
    writes = P.ACCESS_WRITE
    form_class = MemberForm
    template_name = "compliance/member/list.html"
    fields_of = {"user_id": "email"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        roles = [
            (label, sorted(permission.value for permission in ROLE_PERMISSIONS[role]))
            for role, label in Membership.Role.choices
        ]
        return super().get_context_data(
            members=queries.members_of(self.actor),
            roles=roles,
            role_form=RoleForm(auto_id=False),
            can_edit=access.may(self.actor, P.ACCESS_WRITE) and self.actor.organization_id is not None,
            **kwargs,
        )

    def run(self, form: MemberForm) -> str:
        user = User.objects.filter(email__iexact=form.cleaned_data["email"]).first()
        if user is None:
            raise NotFound("Nobody has an account with this email; ask the installation for one.", field="email")
        membership = identity.set_role(
            user_id=user.id,
            organization_id=access.organization_of(self.actor),
            role=form.cleaned_data["role"],
            actor=self.actor,
        )
        messages.success(self.request, f"{user} is now {membership.get_role_display()}.")
        return reverse("compliance:members")


class ChangeRole(ActionPage):
    """Change a member's role."""

    reads = writes = P.ACCESS_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        form = RoleForm(request.POST)
        if not form.is_valid():
            raise Invalid("Choose one of the roles.", field="role")
        member = access.get_operable(
            self.actor, Membership.objects.select_related("user"), kwargs["member_id"], permission=P.ACCESS_WRITE
        )
        changed = identity.set_role(
            user_id=member.user_id,
            organization_id=member.organization_id,
            role=form.cleaned_data["role"],
            actor=self.actor,
        )
        return f"{member.user} is now {changed.get_role_display()}."

    def back(self, **kwargs: str) -> str:
        return reverse("compliance:members")


class Keys(StaffPage, TemplateView):
    """The organization's API keys; a new one shows its token once, on the answer that made it."""

    reads = P.ACCESS_READ
    writes = P.ACCESS_WRITE
    template_name = "compliance/key/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", self._form())
        can_edit = access.may(self.actor, P.ACCESS_WRITE) and self.actor.organization_id is not None
        return super().get_context_data(keys=queries.keys_of(self.actor), can_edit=can_edit, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        try:
            issued = identity.issue_api_key(
                organization_id=access.organization_of(self.actor), actor=self.actor, **form.cleaned_data
            )
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
            return self.render_to_response(self.get_context_data(form=form), status=422)
        response = self.render_to_response(self.get_context_data(issued=issued))
        response["Cache-Control"] = "no-store"
        return response

    def _form(self, data: Any = None) -> KeyForm:
        return KeyForm(data, offered=[scope for scope in Permission if access.may(self.actor, scope)])


class RevokeKey(ActionPage):
    """End a key now."""

    reads = writes = P.ACCESS_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        key = identity.revoke_api_key(key_id=kwargs["key_id"], actor=self.actor)
        return f"The key {key.name} is revoked; requests with it are refused from now on."

    def back(self, **kwargs: str) -> str:
        return reverse("compliance:keys")


class AuditList(ListPage):
    """Who changed what, and when: every command's entry."""

    reads = P.AUDIT_READ
    template_name = "compliance/audit/list.html"
    filters = AuditFilters

    def rows(self, filters: FilterForm) -> QuerySet[AuditEntry]:
        return queries.audit_listed(filters.value("q") or "")
