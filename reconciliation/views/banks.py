"""Pages of bank accounts: where each stands against the books, and matching what is open."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.views.generic import TemplateView

from compliance.http import StaffPage
from compliance.pages import ActionPage, page_of
from compliance.permissions import Permission
from reconciliation import announcements, matches, queries

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
            announced=announcements.waiting(account)[:50],
            late_before=announcements.late_before(),
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
