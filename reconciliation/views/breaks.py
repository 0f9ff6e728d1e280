"""Pages of what does not tie, and of taking matches apart."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.urls import reverse

from compliance import access
from compliance.pages import CommandPage, FilterForm, ListPage
from compliance.permissions import Permission
from reconciliation import breaks, matches, queries
from reconciliation.forms import BreakFilters, ReasonForm
from reconciliation.models import Break, Match

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE


class BreakList(ListPage):
    """Everything that does not tie, of every account and of processors."""

    reads = READ
    template_name = "reconciliation/break/list.html"
    filters: ClassVar[type[FilterForm]] = BreakFilters

    def rows(self, filters: FilterForm) -> QuerySet[Break]:
        state = Break.State.CLOSED if filters.value("show") == "closed" else Break.State.OPEN
        rows = Break.objects.filter(state=state).select_related("bank_account")
        kind = filters.value("kind")
        return rows.filter(kind=kind) if kind else rows

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["breaks"] = queries.with_lines(context["page"].rows)
        return context


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
        account = found.bank_account
        return reverse("reconciliation:account", args=[account.id]) if account else reverse("reconciliation:breaks")


class UndoMatch(ReasonPage):
    """Take a match apart, saying why."""

    template_name = "reconciliation/match/undo.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Match.objects.select_related("bank_account").prefetch_related(*queries.MATCH_SIDES)
        match = access.get(self.actor, access.operable(self.actor, rows), self.kwargs["match_id"])
        return super().get_context_data(match=match, **kwargs)

    def run(self, form: ReasonForm) -> str:
        match = matches.undo(match_id=self.kwargs["match_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "The match is undone; its lines are open again.")
        return reverse("reconciliation:account", args=[match.bank_account_id])
