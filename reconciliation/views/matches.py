"""Pages of matches and suggestions: both sides with why, apart again, parted, accepted, dismissed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.models import User
from compliance.pages import ActionPage, CommandPage
from compliance.permissions import Permission
from coverpay.kernel.money import Money
from reconciliation import bench, matches, queries, suggestions
from reconciliation.forms import ReasonForm, SplitForm
from reconciliation.models import Match, MatchSuggestion

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE
_NOT_COMPARED = ("split_from", "suggestion", "alias")
_FIRST = ("amount_minor", "reference", "party", "posted_on", "currency")


class MatchDetail(StaffPage, TemplateView):
    """One match: its lines, why they are the same money, who or which rules said so, and what was compared."""

    reads = READ
    template_name = "reconciliation/match/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Match.objects.select_related("bank_account").prefetch_related(*queries.MATCH_SIDES)
        match = access.get(self.actor, rows, self.kwargs["match_id"])
        may = match.undone_at is None and access.may(self.actor, WRITE)
        return super().get_context_data(
            match=match,
            sides=bench.sides_of(match),
            compared=_compared(match),
            aliases=bench.aliases_in(match.bank_account, match.inputs),
            taught=bench.taught(match),
            matched_by=User.objects.filter(pk=match.matched_by).first() or match.matched_by,
            may=may,
            may_split=may and len(match.statement_lines) > 1 and len(match.ledger_lines) > 1,
            form=SplitForm(),
            **kwargs,
        )


class SplitMatch(CommandPage):
    """Take ticked lines out of a match, so that two matches remain that each tie."""

    reads = writes = WRITE
    form_class = SplitForm
    template_name = "reconciliation/match/split.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Match.objects.select_related("bank_account").prefetch_related(*queries.MATCH_SIDES)
        match = access.get(self.actor, access.operable(self.actor, rows), self.kwargs["match_id"])
        asked = self.request.POST
        ticked = [*asked.getlist("bank_lines"), *asked.getlist("book_lines")]
        return super().get_context_data(match=match, sides=bench.sides_of(match), ticked=ticked, **kwargs)

    def run(self, form: SplitForm) -> str:
        said = form.cleaned_data
        one, rest = matches.split(
            match_id=self.kwargs["match_id"],
            bank_line_ids=said["bank_lines"],
            book_line_ids=said["book_lines"],
            reason=said["reason"],
            actor=self.actor,
        )
        currency = one.bank_account.currency
        amounts = " and ".join(str(Money(part.amount_minor, currency)) for part in (one, rest))
        messages.success(self.request, f"Two matches now: {amounts}.")
        return reverse("reconciliation:one-match", args=[one.id])


class UndoMatch(CommandPage):
    """Take a match apart, saying why."""

    reads = writes = WRITE
    form_class = ReasonForm
    template_name = "reconciliation/match/undo.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Match.objects.select_related("bank_account").prefetch_related(*queries.MATCH_SIDES)
        match = access.get(self.actor, access.operable(self.actor, rows), self.kwargs["match_id"])
        return super().get_context_data(match=match, **kwargs)

    def run(self, form: ReasonForm) -> str:
        match = matches.undo(match_id=self.kwargs["match_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "The match is undone; its lines are open again.")
        return reverse("reconciliation:workbench", args=[match.bank_account_id])


class AcceptSuggestion(ActionPage):
    """Match what was suggested."""

    reads = writes = WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        match = suggestions.accept(suggestion_id=kwargs["suggestion_id"], actor=self.actor)
        return f"Matched: {Money(match.amount_minor, match.bank_account.currency)}, {match.id}."

    def back(self, **kwargs: str) -> str:
        return _bench_of(self, kwargs["suggestion_id"])


class DismissSuggestion(CommandPage):
    """Say that suggested lines are not the same money."""

    reads = writes = WRITE
    form_class = ReasonForm
    template_name = "billing/step.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, MatchSuggestion.objects.select_related("bank_account"))
        row = access.get(self.actor, rows, self.kwargs["suggestion_id"])
        account = row.bank_account
        words = {
            "heading": "Dismiss the suggestion",
            "button": "Not the same money",
            "says": row.reason,
            "note": "Exactly these lines are not suggested again.",
            "list": reverse("reconciliation:account", args=[account.id]),
            "list_words": account.name,
            "back": reverse("reconciliation:workbench", args=[account.id]),
            "back_words": "Workbench",
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: ReasonForm) -> str:
        reason = form.cleaned_data["reason"]
        suggestions.dismiss(suggestion_id=self.kwargs["suggestion_id"], reason=reason, actor=self.actor)
        messages.success(self.request, "Dismissed; it is not suggested again.")
        return _bench_of(self, self.kwargs["suggestion_id"])


def _bench_of(page: StaffPage, suggestion_id: str) -> str:
    row = access.get(page.actor, MatchSuggestion.objects.all(), suggestion_id)
    return reverse("reconciliation:workbench", args=[row.bank_account_id])


def _compared(match: Match) -> list[tuple[str, str, str]]:
    """What was compared, in one order, amounts as amounts."""
    names = [name for name in _FIRST if name in match.inputs]
    both = {name for name, of in match.inputs.items() if isinstance(of, dict)}
    names += sorted(both.difference(_FIRST, _NOT_COMPARED))
    said = ((name, match.inputs[name]) for name in names)
    return [
        (name, _spelled(match, name, of.get("bank", "")), _spelled(match, name, of.get("books", "")))
        for name, of in said
    ]


def _spelled(match: Match, name: str, said: str) -> str:
    if not name.endswith("_minor"):
        return said
    parts = said.split(" + ")
    amounts = [part if not part.lstrip("-").isdecimal() else _amount(match, int(part)) for part in parts]
    return " + ".join(amounts)


def _amount(match: Match, amount_minor: int) -> str:
    return str(Money(amount_minor, match.bank_account.currency))
