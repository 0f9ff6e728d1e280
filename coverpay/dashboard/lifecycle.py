"""Pages that change a policy: each shows what would happen, to the cover and to the bills, before it happens."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.urls import reverse

import billing.queries
from billing import previews, replan
from compliance import access
from compliance.pages import PreviewPage
from compliance.permissions import Permission
from coverpay.dashboard import deadlines
from coverpay.dashboard.forms import BindForm, CancelForm, ChangePlanForm, EndorseForm
from coverpay.dashboard.previews import Preview, of_draft
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from policies import cancellations, endorsements, lifecycle
from policies.cancellations import CancellationRequest
from policies.endorsements import EndorsementRequest
from policies.models import Cancellation, Policy

P = Permission


class PolicyAction(PreviewPage):
    """A change of one policy that the actor's organization operates. `words` are the heading, the button, its tone."""

    reads = writes = P.POLICIES_WRITE
    template_name = "policies/policy/act.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    tone: ClassVar[str] = "button--main"
    note: ClassVar[str] = ""
    template_of_preview: ClassVar[str] = "policies/policy/_preview.html"
    fields_of = {"policy": "", "new_full_term_minor": "premium", "change_minor": "change", "plan_code": "plan"}

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self._policy: Policy | None = None

    @property
    def policy(self) -> Policy:
        """The policy, read once a request. Raises: NotFound."""
        if self._policy is None:
            rows = Policy.objects.select_related("program", "insured", "operator")
            self._policy = access.get(self.actor, access.operable(self.actor, rows), self.kwargs["policy_id"])
        return self._policy

    def get_form_kwargs(self) -> dict[str, Any]:
        plans = billing.queries.plans_of(self.actor) if "plan" in self.form_class.base_fields else ()  # type: ignore[union-attr]
        return {**super().get_form_kwargs(), "currency": self.policy.program.currency, "plans": plans}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            policy=self.policy,
            words={
                "heading": self.heading,
                "button": self.button,
                "tone": self.tone,
                "note": self.note,
                "preview": self.template_of_preview,
            },
            **kwargs,
        )

    def done(self, words: str) -> str:
        """Say what was done, and go back to the policy."""
        messages.success(self.request, words)
        return reverse("policy", args=[self.policy.id])


class Bind(PolicyAction):
    """Turn a quote into cover, by the plan chosen among all that could bill it."""

    form_class = BindForm
    template_name = "policies/policy/bind.html"
    heading, button = "Bind", "Bind by this plan"

    def get_initial(self) -> dict[str, Any]:
        return {"plan": self.policy.terms.order_by("-number")[0].plan_code}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        options = previews.compare_plans(self.policy)
        chosen = self.request.POST.get("plan") or self.get_initial()["plan"]
        return super().get_context_data(options=options, chosen=chosen, **kwargs)

    def preview(self, form: BindForm) -> Any:
        return previews.schedule_preview(self.policy, form.cleaned_data["plan"])

    def run(self, form: BindForm) -> str:
        policy = lifecycle.bind(policy_id=self.policy.id, plan_code=form.cleaned_data["plan"], actor=self.actor)
        return self.done(f"Policy {policy.number} is bound; its schedule is set.")


class Endorse(PolicyAction):
    """Change the contract from a day on."""

    form_class = EndorseForm
    heading, button = "Endorse", "Endorse"

    def get_initial(self) -> dict[str, Any]:
        return {"effective_on": clock.today()}

    def asked(self, form: EndorseForm) -> EndorsementRequest:
        data = form.cleaned_data
        return EndorsementRequest(
            effective_on=data["effective_on"],
            reason=data["reason"],
            new_full_term_minor=data["premium"],
            change_minor=data["change"],
            later=data["later"],
        )

    def preview(self, form: EndorseForm) -> Preview:
        drafted = endorsements.preview(policy_id=self.policy.id, request=self.asked(form), actor=self.actor)
        return of_draft(self.actor, self.policy, drafted)

    def run(self, form: EndorseForm) -> str:
        asked = self.asked(form)
        endorsements.endorse(policy_id=self.policy.id, request=asked, actor=self.actor)
        return self.done(f"Endorsed from {asked.effective_on}; the bills follow the new premium.")


class Cancel(PolicyAction):
    """End the cover before its time."""

    form_class = CancelForm
    heading, button, tone = "Cancel", "Cancel the policy", "button--danger"

    def get_initial(self) -> dict[str, Any]:
        return {"effective_on": clock.today(), "method": Cancellation.Method.PRO_RATA}

    def asked(self, form: CancelForm) -> CancellationRequest:
        data = form.cleaned_data
        return CancellationRequest(
            effective_on=data["effective_on"],
            method=data["method"],
            reason=data["reason"],
            initiator=data["initiator"],
            note=data["note"],
        )

    def preview(self, form: CancelForm) -> Preview:
        asked = self.asked(form)
        drafted = cancellations.preview(policy_id=self.policy.id, request=asked, actor=self.actor)
        shown = of_draft(self.actor, self.policy, drafted, ends=True)
        return deadlines.added(shown, self.policy, asked)

    def run(self, form: CancelForm) -> str:
        asked = self.asked(form)
        made = cancellations.cancel(policy_id=self.policy.id, request=asked, actor=self.actor)
        if made.state == Cancellation.State.PENDING:
            return self.done(f"The cancellation is announced for {made.effective_on}; until then it can be rescinded.")
        return self.done(f"Cancelled as of {made.effective_on}.")


class ChangePlan(PolicyAction):
    """Bill what is left of the term by another plan, or on another day."""

    reads = writes = P.BILLING_WRITE
    form_class = ChangePlanForm
    heading, button = "Change plan or due day", "Change the plan"
    note = "What is billed stays as it is; what is not billed yet is sliced anew."
    template_of_preview = "policies/policy/_preview_bills.html"

    def get_initial(self) -> dict[str, Any]:
        return {"plan": self.policy.terms.order_by("-number")[0].plan_code}

    def preview(self, form: ChangePlanForm) -> Any:
        return replan.preview(self.policy, form.cleaned_data["plan"], form.cleaned_data["due_day"])

    def run(self, form: ChangePlanForm) -> str:
        replan.change_plan(
            policy_id=self.policy.id,
            plan_code=form.cleaned_data["plan"],
            due_day=form.cleaned_data["due_day"],
            actor=self.actor,
        )
        return self.done("The plan is changed; what is left to bill follows it.")


def plain(amount_minor: int, currency: str) -> str:
    """An amount as the money field reads it back."""
    return str(Money(amount_minor, currency)).partition(" ")[0]
