"""Settings pages (members, keys, the audit trail), approvals, rules and moratoriums."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access, approvals, identity, moratoriums, queries
from compliance.forms import (
    AuditFilters,
    DecisionForm,
    KeyForm,
    MemberForm,
    MoratoriumForm,
    PermitFilters,
    PermitForm,
    RoleForm,
    RuleFilters,
)
from compliance.http import StaffPage
from compliance.models import AuditEntry, Membership, Moratorium, Permit, User
from compliance.pages import ActionPage, CommandPage, FilterForm, ListPage, page_of
from compliance.permissions import ROLE_PERMISSIONS, Permission
from compliance.rules import decisions
from coverpay.kernel import clock
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


class Approvals(ListPage):
    """What people asked leave for, and who waits for whom."""

    reads = P.APPROVALS_READ
    template_name = "compliance/approval/list.html"
    filters = PermitFilters

    def rows(self, filters: FilterForm) -> QuerySet[Permit]:
        return queries.permits_listed(filters.value("state") or "")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        may_decide = access.may(self.actor, P.APPROVALS_DECIDE)
        permits = queries.with_askers(self.actor, context["page"].rows)
        return {**context, "permits": permits, "may_decide": may_decide, "now": clock.now()}


class DecidePermit(CommandPage):
    """One permit: approve or refuse what another asked for."""

    reads = P.APPROVALS_READ
    writes = P.APPROVALS_DECIDE
    form_class = PermitForm
    template_name = "compliance/approval/decide.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        permit = access.get(self.actor, Permit.objects.all(), self.kwargs["permit_id"])
        own = approvals.asked_by(permit, self.actor)
        over = permit.expires_at <= clock.now()
        open_now = permit.state in (Permit.State.REQUESTED, Permit.State.APPROVED) and not over
        can_decide = open_now and not own and access.may(self.actor, P.APPROVALS_DECIDE)
        return super().get_context_data(permit=permit, own=own, over=over, can_decide=can_decide, **kwargs)

    def run(self, form: PermitForm) -> str:
        decide = approvals.approve if form.cleaned_data["verdict"] == "approve" else approvals.refuse
        permit = decide(permit_id=self.kwargs["permit_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, f"{permit.action} on {permit.object_id} is {permit.state}.")
        return reverse("compliance:approvals")


class Rules(StaffPage, TemplateView):
    """What the rules of a state come to today, with source, and what a person must decide."""

    reads = P.RULES_READ
    template_name = "compliance/rule/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = {"state": "AL", "line": "commercial_pc", "admitted": "admitted", **self.request.GET.dict()}
        filters = RuleFilters(asked)
        chosen = filters.cleaned_data if filters.is_valid() else {}
        organization_id = self.actor.organization_id or ""
        rules = queries.rules_of(organization_id, on=clock.today(), **chosen) if chosen and all(chosen.values()) else []
        may_decide = access.may(self.actor, P.RULES_DECIDE) and bool(organization_id)
        return super().get_context_data(filters=filters, rules=rules, chosen=chosen, may_decide=may_decide, **kwargs)


class DecideRule(CommandPage):
    """Decide a value for a rule; opened from the rule it is about."""

    reads = writes = P.RULES_DECIDE
    form_class = DecisionForm
    template_name = "compliance/rule/decide.html"

    def get_initial(self) -> dict[str, Any]:
        asked = {name: text for name, text in self.request.GET.items() if name in DecisionForm.base_fields}
        return {"effective_from": clock.today(), **asked}

    def run(self, form: DecisionForm) -> str:
        row = decisions.decide(**form.cleaned_data, actor=self.actor)
        messages.success(self.request, f"{row.rule} in {row.jurisdiction} is {row.value} from {row.effective_from} on.")
        return f"{reverse('compliance:rules')}?state={row.jurisdiction}"


class Moratoriums(CommandPage):
    """Where cancellations stop, and since when; declare another."""

    reads = P.RULES_READ
    writes = P.RULES_DECIDE
    form_class = MoratoriumForm
    template_name = "compliance/moratorium/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.visible(self.actor, queries.moratoriums_listed())
        can_edit = access.may(self.actor, P.RULES_DECIDE) and self.actor.organization_id is not None
        page = page_of(rows, self.request.GET.get("after", ""))
        return super().get_context_data(page=page, can_edit=can_edit, today=clock.today(), **kwargs)

    def run(self, form: MoratoriumForm) -> str:
        moratorium = moratoriums.declare(**form.cleaned_data, actor=self.actor)
        messages.success(self.request, f"{moratorium.name} stops cancellations in {moratorium.state_code}.")
        return reverse("compliance:moratoriums")


class LiftMoratorium(ActionPage):
    """End a moratorium from today on."""

    reads = writes = P.RULES_DECIDE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        moratorium: Moratorium = moratoriums.lift(moratorium_id=kwargs["moratorium_id"], actor=self.actor)
        return f"{moratorium.name} stops nothing from {moratorium.lifted_on} on."

    def back(self, **kwargs: str) -> str:
        return reverse("compliance:moratoriums")
