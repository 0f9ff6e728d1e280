"""Forms about autopay: enrol a method for a policy, and end it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.urls import reverse

from compliance import access
from compliance.pages import CommandPage
from compliance.permissions import Permission
from coverpay.kernel.errors import Conflict
from payments import autopay
from payments.models import Autopay
from policies.models import Policy

P = Permission


class EnrolForm(forms.Form):
    method = forms.ChoiceField(label="Method", choices=[("card", "Card"), ("ach", "ACH (bank account)")])
    token = forms.CharField(label="Token", max_length=120, help_text="The processor's token; never a card number.")


class EndForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=300)


class AutopayStep(CommandPage):
    """One form about a policy's autopay, on the common page of a step."""

    reads = writes = P.PAYMENTS_WRITE
    template_name = "billing/step.html"
    heading, button, says = "", "", ""

    def policy(self) -> Policy:
        rows = access.operable(self.actor, Policy.objects.select_related("insured"))
        return access.get(self.actor, rows, self.kwargs["policy_id"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        policy = self.policy()
        words = {
            "heading": self.heading,
            "button": self.button,
            "says": self.says,
            "note": f"{policy.number} of {policy.insured.name}",
            "list": reverse("policies:list"),
            "list_words": "Policies",
            "back": reverse("policy", args=[policy.id]),
            "back_words": policy.number,
        }
        return super().get_context_data(words=words, **kwargs)

    def done(self, words: str) -> str:
        messages.success(self.request, words)
        return reverse("policy", args=[self.kwargs["policy_id"]])


class Enrol(AutopayStep):
    """Let a method pay a policy's invoices when they fall due."""

    form_class = EnrolForm
    heading, button = "Enrol in autopay", "Enrol"
    says = "Each invoice is charged to this method once, on its due date. A method enrolled before is ended."

    def run(self, form: EnrolForm) -> str:
        data = form.cleaned_data
        autopay.enrol(policy_id=self.policy().id, method=data["method"], token=data["token"], actor=self.actor)
        return self.done("Autopay is enrolled.")


class End(AutopayStep):
    """End a policy's autopay."""

    form_class = EndForm
    heading, button = "End autopay", "End it"
    says = "Payments on their way go on; later invoices wait for the insured to pay."

    def run(self, form: EndForm) -> str:
        standing = Autopay.objects.filter(policy=self.policy(), ended_at__isnull=True).first()
        if standing is None:
            raise Conflict("No method is enrolled.")
        autopay.end(autopay_id=standing.id, reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done("Autopay is ended.")
