"""Pages of statements of carriers and agencies: take one in, see both sides, put it beside the books again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage, CommandPage, FilterForm, ListPage, PreviewPage
from compliance.permissions import Permission
from compliance.uploads import packed
from coverpay.kernel.errors import DomainError
from payments import source_sides, sources
from payments.models import SourceItem, SourceMap, SourceStatement
from payments.source_forms import SAYS, Others, SourceFileForm, SourceFilters, SourceMapForm, WithdrawForm
from policies.models import Participant
from reconciliation.models import Break

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE
Outcome = SourceItem.Outcome


class SourceList(ListPage):
    """Every statement, and the maps its senders' files are read by."""

    reads = READ
    filters = SourceFilters
    template_name = "payments/source/list.html"

    def rows(self, filters: FilterForm) -> QuerySet[SourceStatement]:
        rows = SourceStatement.objects.select_related("counterparty").annotate(
            different=Count("items", filter=~Q(items__outcome=Outcome.EQUAL))
        )
        for column, name in (("kind", "kind"), ("state", "show")):
            if value := filters.value(name):
                rows = rows.filter(**{column: value})
        return rows

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        maps = access.visible(self.actor, SourceMap.objects.select_related("counterparty"))
        last = maps.order_by("kind", "counterparty_id", "-number").distinct("kind", "counterparty_id")
        return super().get_context_data(maps=last, can_write=access.may(self.actor, WRITE), **kwargs)


class SourceDetail(StaffPage, TemplateView):
    """One statement: each item with both sides and the signed difference, and the break that came of it."""

    reads = READ
    template_name = "payments/source/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = SourceStatement.objects.select_related("counterparty", "map")
        statement = access.get(self.actor, rows, self.kwargs["source_id"])
        items = list(statement.items.select_related("policy"))
        waiting = Break.objects.filter(subject_id__in=[item.id for item in items], state=Break.State.OPEN)
        opened = dict(waiting.values_list("subject_id", "id"))
        items.sort(key=lambda item: (item.outcome == Outcome.EQUAL, item.policy_mark, item.item))
        return super().get_context_data(
            statement=statement,
            items=[(item, opened.get(item.id)) for item in items],
            theirs=sum(item.theirs_minor for item in items if item.item != source_sides.REMITTANCE),
            ours=sum(item.ours_minor for item in items if item.item != source_sides.REMITTANCE),
            lines=statement.lines.all()[:200],
            can_write=access.may(self.actor, WRITE) and statement.state != SourceStatement.State.WITHDRAWN,
            **kwargs,
        )


class _OfOthers(CommandPage):
    reads = writes = WRITE

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "others": _others(self)}


class TakeInSource(_OfOthers, PreviewPage):
    """Look at a statement beside our books, then take it in."""

    form_class = SourceFileForm
    template_name = "payments/source/new.html"
    fields_of = {"counterparty": "other", "map": "other", "total_minor": "total"}

    def preview(self, form: SourceFileForm) -> sources.Preview:
        return sources.preview(stated=form.stated, content=form.cleaned_data["content"], actor=self.actor)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form")
        if form is not None and kwargs.get("preview"):
            said = form.cleaned_data
            kwargs |= {"held": packed(said["content"]), "held_name": said["file_name"]}
        return super().get_context_data(**kwargs)

    def show(self, error: DomainError, form: Any) -> None:
        super().show(error, form)
        form.problems = error.extra.get("problems", [])

    def run(self, form: SourceFileForm) -> str:
        said = form.cleaned_data
        done = sources.import_file(
            stated=form.stated,
            content=said["content"],
            file_name=said["file_name"] or "statement.csv",
            actor=self.actor,
        )
        messages.success(self.request, f"{done} is in: {done.get_state_display().lower()}.")
        return reverse("payments:source", args=[done.id])


class MakeSourceMap(_OfOthers):
    """Say how a sender's files are read."""

    form_class = SourceMapForm
    template_name = "payments/source/map.html"
    fields_of = {"counterparty": "other", "spec": "policy"}

    def run(self, form: SourceMapForm) -> str:
        kind, counterparty_id = form.kind_and_id
        made = sources.publish_map(kind=kind, counterparty_id=counterparty_id, spec=form.spec, actor=self.actor)
        messages.success(self.request, f"The map of {made} is saved.")
        return reverse("payments:take-in-source")


class CompareSource(ActionPage):
    """Hold a statement against the books as they are now."""

    reads = writes = WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        done = sources.compare_again(statement_id=kwargs["source_id"], actor=self.actor)
        return f"Compared: {done.get_state_display().lower()}."

    def back(self, **kwargs: str) -> str:
        return reverse("payments:source", args=[kwargs["source_id"]])


class WithdrawSource(CommandPage):
    """Take back a statement that was not the right one."""

    reads = writes = WRITE
    form_class = WithdrawForm
    template_name = "billing/step.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, SourceStatement.objects.select_related("counterparty"))
        statement = access.get(self.actor, rows, self.kwargs["source_id"])
        words = {
            "heading": "Withdraw the statement",
            "button": "Withdraw",
            "tone": "button--danger",
            "says": "Its open breaks close; the right one can come in under the same number.",
            "note": f"{statement} of {statement.counterparty}",
            "list": reverse("payments:sources"),
            "list_words": "Statements of others",
            "back": reverse("payments:source", args=[statement.id]),
            "back_words": statement.reference,
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: WithdrawForm) -> str:
        done = sources.withdraw(
            statement_id=self.kwargs["source_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        messages.success(self.request, "It is withdrawn.")
        return reverse("payments:source", args=[done.id])


def _others(page: StaffPage) -> Others:
    """Every carrier and agency on a policy of the actor's organization."""
    rows = Participant.objects.filter(
        policy__operator_id=page.actor.organization_id, role__in=source_sides.ROLES.values()
    ).order_by("role", "organization__name")
    kinds = {role.value: kind for kind, role in source_sides.ROLES.items()}
    found = rows.values_list("role", "organization_id", "organization__name").distinct()
    return [(f"{kinds[role]}:{id}", f"{name} ({SAYS[kinds[role]]})") for role, id, name in found]
