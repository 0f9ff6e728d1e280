"""Pages of what does not tie, and of taking matches apart."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access, explanations
from compliance.http import StaffPage
from compliance.pages import ActionPage, CommandPage, FilterForm, ListPage
from compliance.permissions import Permission
from coverpay.kernel.errors import Invalid
from reconciliation import break_lists, breaks, queries
from reconciliation.forms import BreakFilters, CommentForm, DueForm, OwnerForm, ReasonForm
from reconciliation.models import Break

READ, WRITE, CASH = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE, Permission.CASH_WRITE
POSTED = (Break.Kind.BANK_ONLY, Break.Kind.AMOUNT_DIFFERS, Break.Kind.FEE_TAKEN)
"""Kinds that a posting of a layer above may settle."""


class BreakList(ListPage):
    """Everything that does not tie, of every account and of processors."""

    reads = READ
    template_name = "reconciliation/break/list.html"
    filters: ClassVar[type[FilterForm]] = BreakFilters

    def rows(self, filters: FilterForm) -> QuerySet[Break]:
        show = filters.value("show")
        rows = Break.objects.filter(state=Break.State.CLOSED if show == "closed" else Break.State.OPEN)
        if show == "overdue":
            rows = break_lists.overdue(rows)
        if kind := filters.value("kind"):
            rows = rows.filter(kind=kind)
        if owner := filters.value("owner"):
            rows = break_lists.of_owner(rows, owner, self.actor.id)
        if age := filters.value("age"):
            rows = break_lists.of_age(rows, age)
        return rows.select_related("bank_account", "owner")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["breaks"] = queries.with_lines(context["page"].rows)
        return context


class BreakDetail(StaffPage, TemplateView):
    """One break: what differs, its lines, who works on it by when, what was said, and how it can end."""

    reads = READ
    template_name = "reconciliation/break/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Break.objects.select_related("bank_account", "owner", "organization")
        found = access.get(self.actor, rows, self.kwargs["break_id"])
        may = access.may(self.actor, WRITE) and access.operable(self.actor, Break.objects.filter(pk=found.pk)).exists()
        is_open = found.state == Break.State.OPEN
        resolution = getattr(found, "resolution", None)  # what a layer above posted to settle it
        return super().get_context_data(
            found=found,
            sides=break_lists.sides_of(found),
            resolution=resolution,
            reasons=explanations.of(resolution.id) if resolution else [],
            comments=list(found.comments.order_by("id")),
            age_days=break_lists.age_days(found),
            overdue=break_lists.is_overdue(found),
            members=breaks.members_of(found.organization_id) if may and is_open else [],
            may=may,
            may_work=may and is_open,
            may_post=found.bank_account_id is not None and found.kind in POSTED and access.may(self.actor, CASH),
            due_form=DueForm(initial={"due_on": found.due_on}),
            comment_form=CommentForm(),
            **kwargs,
        )


class _Button(ActionPage):
    """A small form on the page of a break."""

    reads = writes = WRITE
    form_class: ClassVar[type[Form]]

    def said(self, request: HttpRequest) -> dict[str, Any]:
        """What was typed. Raises: Invalid, naming the first field that cannot be read."""
        form = self.form_class(request.POST)
        for field, errors in form.errors.items():
            raise Invalid(f"{form.fields[field].label} {errors[0]}", field=field)
        return form.cleaned_data

    def back(self, **kwargs: str) -> str:
        return reverse("reconciliation:break", args=[kwargs["break_id"]])


class AssignBreak(_Button):
    """Say who works on a break."""

    form_class = OwnerForm

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        owner_id = self.said(request)["owner"] or None
        found = breaks.assign(break_id=kwargs["break_id"], owner_id=owner_id, actor=self.actor)
        return f"{found.owner} works on it." if found.owner else "Nobody works on it now."


class MoveDue(_Button):
    """Move the day by which a break should be settled."""

    form_class = DueForm

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        found = breaks.set_due(break_id=kwargs["break_id"], **self.said(request), actor=self.actor)
        return f"It is due on {found.due_on} now."


class CommentBreak(_Button):
    """Say something about a break."""

    form_class = CommentForm

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        breaks.comment(break_id=kwargs["break_id"], text=" ".join(self.said(request)["text"].split()), actor=self.actor)
        return "Your comment is kept."


class ReasonPage(CommandPage):
    """A page that asks for the reason before it acts."""

    reads = writes = WRITE
    form_class = ReasonForm


class CloseBreak(ReasonPage):
    """Close a break, saying what resolved it."""

    template_name = "reconciliation/break/close.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, Break.objects.select_related("bank_account"))
        (shown,) = queries.with_lines([access.get(self.actor, rows, self.kwargs["break_id"])])
        return super().get_context_data(shown=shown, **kwargs)

    def run(self, form: ReasonForm) -> str:
        found = breaks.close(break_id=self.kwargs["break_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "The break is closed.")
        return reverse("reconciliation:break", args=[found.id])
