"""Pages about past due money and its letters: what waits, one stretch with its clock, one letter with its proof."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from django.views.generic import TemplateView

from billing import notices, past_due, worklists
from billing.delinquency import pauses, records
from billing.delinquency_plans import DelinquencySpec
from billing.forms import (
    DecideForm,
    DelinquencyFilters,
    HoldForm,
    MailingForm,
    NoticeFilters,
    PromiseForm,
    ReasonForm,
    ReturnFilters,
)
from billing.models import Delinquency, DelinquencyStep, Notice, ReturnPremium
from compliance import access, explanations
from compliance.http import StaffPage
from compliance.pages import CommandPage, FilterForm, ListPage
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from policies.models import Policy

P = Permission


class DelinquencyList(ListPage):
    """Every stretch of past due money, the ones a person must decide in front."""

    reads = P.BILLING_READ
    template_name = "billing/delinquency/list.html"
    filters = DelinquencyFilters

    def rows(self, filters: FilterForm) -> QuerySet[Delinquency]:
        return worklists.delinquencies(filters.value("show") or "", filters.value("q") or "")


class DelinquencyDetail(StaffPage, TemplateView):
    """One stretch: the clock, what was done, what is next, and what a person can do."""

    reads = P.BILLING_READ
    template_name = "billing/delinquency/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        letters = Notice.objects.prefetch_related("mailings").order_by("id")
        rows = worklists.delinquencies().prefetch_related("steps", Prefetch("notices", letters))
        found = access.get(self.actor, rows, self.kwargs["delinquency_id"])
        operates = access.operable(self.actor, Policy.objects.filter(pk=found.policy_id)).exists()
        ids = [found.id, *(row.id for row in found.steps.all()), *(row.id for row in found.notices.all())]
        spec, today = records.spec_of(found), clock.today()
        now = past_due.of_term(found.term, spec, today)
        return super().get_context_data(
            delinquency=found,
            days=((found.ended_on or today) - found.entered_on).days,
            past_due_minor=now.followed_minor,
            cancels_minor=now.premium_minor,
            next_step=_named(found, spec),
            reasons=explanations.of(*ids),
            can_act=operates and access.may(self.actor, P.BILLING_WRITE),
            **kwargs,
        )


def _named(row: Delinquency, spec: DelinquencySpec) -> str:
    """What the plan does next, in words."""
    if row.next_position >= len(spec.steps):
        return "nothing more"
    return DelinquencyStep.Action(spec.steps[row.next_position].action).label


class DelinquencyAction(CommandPage):
    """One thing a person does with past due money."""

    reads = writes = P.BILLING_WRITE
    template_name = "billing/step.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    says: ClassVar[str] = ""
    fields_of = {"delinquency": ""}

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self._found: Delinquency | None = None

    @property
    def found(self) -> Delinquency:
        """The row, read once a request. Raises: NotFound."""
        if self._found is None:
            rows = access.operable(self.actor, worklists.delinquencies())
            self._found = access.get(self.actor, rows, self.kwargs["delinquency_id"])
        return self._found

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        policy = self.found.policy
        words = {
            "heading": self.heading,
            "button": self.button,
            "says": self.said(),
            "note": f"{policy.number} · {policy.insured.name} · past due since {self.found.entered_on}",
            "list": reverse("billing:delinquencies"),
            "list_words": "Past due",
            "back": reverse("billing:delinquency", args=[self.found.id]),
            "back_words": policy.number,
        }
        return super().get_context_data(words=words, **kwargs)

    def said(self) -> str:
        return self.says

    def done(self, words: str) -> str:
        messages.success(self.request, words)
        return reverse("billing:delinquency", args=[self.found.id])


class Hold(DelinquencyAction):
    """Stop the clock through a day."""

    form_class = HoldForm
    heading, button = "Hold the process", "Hold it"
    says = "The clock stands until the day is over. A notice that is out is taken back, and made anew afterwards."

    def run(self, form: HoldForm) -> str:
        data = form.cleaned_data
        pauses.hold(delinquency_id=self.found.id, until=data["until"], reason=data["reason"], actor=self.actor)
        return self.done(f"Held until {data['until']}.")


class Release(DelinquencyAction):
    """Let the clock run again."""

    form_class = ReasonForm
    heading, button = "Release the hold", "Let the clock run"

    def run(self, form: ReasonForm) -> str:
        pauses.release(delinquency_id=self.found.id, reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done("The clock runs again.")


class Promise(DelinquencyAction):
    """Take a promise to pay."""

    form_class = PromiseForm
    heading, button = "Promise to pay", "Take the promise"
    says = "The clock stands through the day; if the money does not come, it runs again by itself."

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "currency": self.found.currency}

    def run(self, form: PromiseForm) -> str:
        data = form.cleaned_data
        amount = Money(data["amount"], self.found.currency)
        pauses.promise(delinquency_id=self.found.id, amount=amount, pay_by=data["pay_by"], actor=self.actor)
        return self.done(f"{amount} is promised for {data['pay_by']}.")


class Decide(DelinquencyAction):
    """Say how it goes on."""

    form_class = DecideForm
    heading, button = "Decide", "So it goes on"

    def said(self) -> str:
        return self.found.needs_decision or "It waits for no decision now."

    def run(self, form: DecideForm) -> str:
        data = form.cleaned_data
        pauses.decide(delinquency_id=self.found.id, choice=data["choice"], reason=data["reason"], actor=self.actor)
        return self.done("The decision is kept.")


class NoticeList(ListPage):
    """Every letter, those to be mailed in front."""

    reads = P.BILLING_READ
    template_name = "billing/notice/list.html"
    filters = NoticeFilters

    def rows(self, filters: FilterForm) -> QuerySet[Notice]:
        return worklists.notices(filters.value("show") or "")


class NoticeDetail(CommandPage):
    """One letter as it was made, and the form that keeps its proof of mailing."""

    reads = P.BILLING_READ
    writes = P.BILLING_WRITE
    form_class = MailingForm
    template_name = "billing/notice/detail.html"
    fields_of = {"notice": ""}

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self._found: Notice | None = None

    @property
    def notice(self) -> Notice:
        """The letter, read once a request. Raises: NotFound."""
        if self._found is None:
            rows = worklists.notices().prefetch_related("mailings")
            self._found = access.get(self.actor, rows, self.kwargs["notice_id"])
        return self._found

    def get_initial(self) -> dict[str, Any]:
        return {"mailed_on": clock.today()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        operates = access.operable(self.actor, Policy.objects.filter(pk=self.notice.policy_id)).exists()
        waits, may = self.notice.state == Notice.State.PREPARED, operates and access.may(self.actor, P.BILLING_WRITE)
        return super().get_context_data(
            notice=self.notice,
            reasons=explanations.of(self.notice.id),
            too_late=waits and self.notice.mail_by is not None and self.notice.mail_by < clock.today(),
            can_mail=waits and may,
            can_void=may and self.notice.state in (Notice.State.PREPARED, Notice.State.MAILED),
            **kwargs,
        )

    def run(self, form: MailingForm) -> str:
        done = notices.mail(notice_id=self.notice.id, actor=self.actor, **form.cleaned_data)
        if done.id != self.notice.id:
            messages.warning(self.request, "It did not hold as it was mailed; this one replaces it.")
        else:
            messages.success(self.request, "The proof of mailing is kept.")
        return reverse("billing:notice", args=[done.id])


class VoidNotice(CommandPage):
    """Take all effect from a letter."""

    reads = writes = P.BILLING_WRITE
    form_class = ReasonForm
    template_name = "billing/step.html"
    fields_of = {"notice": ""}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, worklists.notices())
        notice = access.get(self.actor, rows, self.kwargs["notice_id"])
        words = {
            "heading": "Void the notice",
            "button": "Void it",
            "tone": "button--danger",
            "says": "It has no effect any more; its pending cancellation is rescinded; the process waits for a person.",
            "note": f"{notice.get_kind_display()} of {notice.prepared_on} · {notice.policy.number}",
            "list": reverse("billing:notices"),
            "list_words": "Notices",
            "back": reverse("billing:notice", args=[notice.id]),
            "back_words": notice.get_kind_display(),
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: ReasonForm) -> str:
        notice = notices.void(notice_id=self.kwargs["notice_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "The notice is void.")
        return reverse("billing:notice", args=[notice.id])


class ReturnList(ListPage):
    """Premium that goes back in cash, with its deadline."""

    reads = P.BILLING_READ
    template_name = "billing/return/list.html"
    filters = ReturnFilters

    def rows(self, filters: FilterForm) -> QuerySet[ReturnPremium]:
        return worklists.returns(filters.value("show") or "")
