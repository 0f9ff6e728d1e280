"""Pages about disputes: what is due by when, and our answer."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, FilterForm, ListPage
from compliance.permissions import Permission
from payments import disputes
from payments.forms import DisputeFilters, EvidenceForm, WhyForm
from payments.models import Dispute

P = Permission
_ROWS = Dispute.objects.select_related("payment__invoice", "payment__policy__insured", "attempt__account")


class DisputeList(ListPage):
    """Every dispute, with the day its evidence is due by."""

    reads = P.PAYMENTS_READ
    template_name = "payments/dispute/list.html"
    filters = DisputeFilters

    def rows(self, filters: FilterForm) -> QuerySet[Dispute]:
        show = filters.value("show") or ""
        rows = _ROWS.all()
        return rows.filter(state=show) if show in Dispute.State.values else rows


class DisputeDetail(StaffPage, TemplateView):
    """One dispute: the money, the day, what we answered."""

    reads = P.PAYMENTS_READ
    template_name = "payments/dispute/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        dispute = access.get(self.actor, _ROWS, self.kwargs["dispute_id"])
        waits = dispute.state == Dispute.State.NEEDS_RESPONSE and not dispute.answer
        return super().get_context_data(
            dispute=dispute,
            said=[(disputes.EVIDENCE[name], text) for name, text in dispute.evidence.items()],
            can_answer=waits and access.may(self.actor, P.PAYMENTS_WRITE) and disputes.takes_answers(dispute),
            answered_elsewhere=waits and not disputes.takes_answers(dispute),
            **kwargs,
        )


class Answer(CommandPage):
    """A form that answers a dispute, on the common page of a step."""

    reads = writes = P.PAYMENTS_WRITE
    template_name = "billing/step.html"
    heading, button, says, tone = "", "", "", "button--main"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        dispute = access.get(self.actor, _ROWS, self.kwargs["dispute_id"])
        words = {
            "heading": self.heading,
            "button": self.button,
            "says": self.says,
            "tone": self.tone,
            "note": f"{dispute.payment.policy.insured.name}: {dispute.reason}",
            "list": reverse("payments:disputes"),
            "list_words": "Disputes",
            "back": reverse("payments:dispute", args=[dispute.id]),
            "back_words": dispute.payment.invoice.number,
        }
        return super().get_context_data(words=words, **kwargs)

    def done(self, words: str) -> str:
        messages.success(self.request, words)
        return reverse("payments:dispute", args=[self.kwargs["dispute_id"]])


class Contest(Answer):
    """Answer with evidence."""

    form_class = EvidenceForm
    fields_of = {"evidence": "explanation"}
    heading, button = "Contest the dispute", "Send the evidence"
    says = "Evidence is sent once; the payor's bank decides. Never write a card or account number."

    def run(self, form: EvidenceForm) -> str:
        disputes.contest(dispute_id=self.kwargs["dispute_id"], evidence=form.cleaned_data, actor=self.actor)
        return self.done("The evidence is on its way to the processor.")


class Accept(Answer):
    """Give in."""

    form_class = WhyForm
    heading, button, tone = "Give in to the dispute", "The money is the payor's", "button--danger"
    says = "The dispute is lost, and the invoices stay open."

    def run(self, form: WhyForm) -> str:
        disputes.accept(dispute_id=self.kwargs["dispute_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done("The processor is told that we give in.")
