"""The workbench of a bank account: open lines of both sides, ticked together; lines set aside."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from compliance import access
from compliance.pages import CommandPage, FilterForm, ListPage
from compliance.permissions import Permission
from coverpay.kernel.money import Money, exponent
from reconciliation import bench, matches, queries
from reconciliation.forms import BenchFilters, BenchForm, IgnoredFilters, ReasonForm
from reconciliation.models import BankAccount, IgnoredLine

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE


class Workbench(CommandPage):
    """Open bank lines beside open book lines: tick what belongs together, match it when the difference is zero."""

    reads = READ
    writes = WRITE
    form_class = BenchForm
    template_name = "reconciliation/match/workbench.html"

    def account(self) -> BankAccount:
        return queries.account(self.actor, self.kwargs["account_id"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = self.account()
        filters = BenchFilters(self.request.GET)
        filters.is_valid()
        asked = self.request.POST if self.request.method == "POST" else self.request.GET
        ticked = asked.getlist("bank_lines"), asked.getlist("book_lines")
        bank = bench.bank_side(account, filters.wanted(), ticked[0])
        books = bench.book_side(account, filters.wanted(), ticked[1])
        sums = [
            sum(shown.line.amount_minor for shown in side.lines if str(shown.line.pk) in of_side)
            for side, of_side in ((bank, ticked[0]), (books, ticked[1]))
        ]
        return super().get_context_data(
            account=account,
            filters=filters,
            filtered=any(filters.value(name) for name in filters.fields),
            bank=bank,
            books=books,
            ticked=[*ticked[0], *ticked[1]],
            bank_count=len(ticked[0]),
            books_count=len(ticked[1]),
            places=exponent(account.currency),
            bank_minor=sums[0],
            books_minor=sums[1],
            difference_minor=sums[0] - sums[1],
            suggestions=bench.suggestions(account),
            suggestion_count=account.suggestions.filter(state="open").count(),
            ignored_count=bench.ignored(account).count(),
            may=access.may(self.actor, WRITE),
            **kwargs,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.POST.get("do") == "add":
            form = BenchForm(initial={"reason": request.POST.get("reason", "")})
            return self.render_to_response(self.get_context_data(form=form))
        return super().post(request, *args, **kwargs)

    def run(self, form: BenchForm) -> str:
        said, account_id = form.cleaned_data, self.kwargs["account_id"]
        here = f"{reverse('reconciliation:workbench', args=[account_id])}?{self.request.GET.urlencode()}".rstrip("?")
        if said["do"] == "aside":
            rows = matches.ignore(
                bank_account_id=account_id, bank_line_ids=said["bank_lines"], reason=said["reason"], actor=self.actor
            )
            messages.success(self.request, f"{len(rows)} bank line{'s' * (len(rows) != 1)} set aside.")
            return here
        match = matches.confirm(
            bank_account_id=account_id,
            bank_line_ids=said["bank_lines"],
            book_line_ids=said["book_lines"],
            reason=said["reason"],
            actor=self.actor,
        )
        amount = Money(match.amount_minor, match.bank_account.currency)
        messages.success(self.request, f"Matched: {amount}, {match.id}.")
        return here


class IgnoredList(ListPage):
    """Bank lines set aside with a reason, the last first."""

    reads = READ
    template_name = "reconciliation/match/ignored.html"
    filters: ClassVar[type[FilterForm]] = IgnoredFilters

    def rows(self, filters: FilterForm) -> QuerySet[IgnoredLine]:
        rows = IgnoredLine.objects.select_related("statement_line", "bank_account")
        if account := filters.value("account"):
            rows = rows.filter(bank_account=account)
        return rows.filter(ended_at__isnull=filters.value("show") != "ended")


class TakeUp(CommandPage):
    """Take a line up again that was set aside, saying why."""

    reads = writes = WRITE
    form_class = ReasonForm
    template_name = "billing/step.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, IgnoredLine.objects.select_related("statement_line", "bank_account"))
        row = access.get(self.actor, rows, self.kwargs["ignored_id"])
        line = row.statement_line
        words = {
            "heading": "Take the line up again",
            "button": "Take it up again",
            "says": f"{Money(line.amount_minor, line.currency)} of {line.posted_on}, set aside because: {row.reason}",
            "note": "The rules look at it at once.",
            "list": reverse("reconciliation:ignored"),
            "list_words": "Set aside",
            "back": reverse("reconciliation:account", args=[row.bank_account_id]),
            "back_words": row.bank_account.name,
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: ReasonForm) -> str:
        row = matches.unignore(
            ignored_id=self.kwargs["ignored_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        messages.success(self.request, "The line is open again.")
        return reverse("reconciliation:workbench", args=[row.bank_account_id])
