"""Pages of the bank side: accounts with their proof, statements, matches with reasons, breaks with why."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage, CommandPage, FilterForm, ListPage, page_of
from compliance.permissions import Permission
from reconciliation import breaks, imports, matches, queries
from reconciliation.forms import BreakFilters, ImportFilters, ReasonForm, StatementForm
from reconciliation.models import Break, Match, Statement, StatementImport

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE


class Home(StaffPage, TemplateView):
    """Every bank account: where its last statement stands against the books."""

    reads = READ
    template_name = "reconciliation/account/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(accounts=queries.accounts(self.actor), **kwargs)


class AccountDetail(StaffPage, TemplateView):
    """One bank account: the balance proof, what waits, what is matched, its statements."""

    reads = READ
    template_name = "reconciliation/account/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = queries.account(self.actor, self.kwargs["account_id"])
        return super().get_context_data(
            shown=queries.shown(account),
            account=account,
            breaks=queries.open_breaks(account),
            page=page_of(queries.live_matches(account), self.request.GET.get("after", "")),
            statements=account.statements.order_by("-as_of")[:31],
            **kwargs,
        )


class RunMatching(ActionPage):
    """Match what is open on one account."""

    reads = writes = WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        run = matches.run_matching(bank_account_id=kwargs["account_id"], actor=self.actor)
        if not run.changed:
            return "Nothing new to match."
        return f"{len(run.matched)} matched, {len(run.opened)} breaks opened, {len(run.closed)} closed."

    def back(self, **kwargs: str) -> str:
        return reverse("reconciliation:account", args=[kwargs["account_id"]])


class Imports(CommandPage):
    """Upload a statement, and see every earlier file."""

    reads = READ
    writes = WRITE
    form_class = StatementForm
    template_name = "reconciliation/import/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        filters = ImportFilters(self.request.GET)
        filters.is_valid()
        rows = access.visible(self.actor, queries.imports())
        if state := filters.value("state"):
            rows = rows.filter(state=state)
        page = page_of(rows, self.request.GET.get("after", ""))
        return super().get_context_data(filters=filters, filtered=bool(state), page=page, **kwargs)

    def run(self, form: StatementForm) -> str:
        upload = form.cleaned_data["file"]
        done = imports.import_statement(content=upload.read(), file_name=upload.name, actor=self.actor)
        if done.state == StatementImport.State.IMPORTED:
            messages.success(self.request, f"{done.file_name}: {done.line_count} lines are in.")
        else:
            messages.error(self.request, f"{done.file_name} does not tie and is set aside; the reasons are below.")
        return reverse("reconciliation:import", args=[done.id])


class ImportDetail(StaffPage, TemplateView):
    """One file: its statements, or every reason why it is set aside."""

    reads = READ
    template_name = "reconciliation/import/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        done = access.get(self.actor, queries.imports(), self.kwargs["import_id"])
        return super().get_context_data(done=done, **kwargs)


class StatementDetail(StaffPage, TemplateView):
    """One account's day at the bank: opening, every line with what became of it, closing."""

    reads = READ
    template_name = "reconciliation/statement/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Statement.objects.select_related("bank_account", "source").defer("source__content")
        statement = access.get(self.actor, rows, self.kwargs["statement_id"])
        return super().get_context_data(statement=statement, lines=queries.lines_of(statement), **kwargs)


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
        rows = Match.objects.select_related("statement_line", "ledger_line__entry", "bank_account")
        match = access.get(self.actor, access.operable(self.actor, rows), self.kwargs["match_id"])
        return super().get_context_data(match=match, **kwargs)

    def run(self, form: ReasonForm) -> str:
        match = matches.undo(match_id=self.kwargs["match_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "The match is undone; both lines are open again.")
        return reverse("reconciliation:account", args=[match.bank_account_id])
