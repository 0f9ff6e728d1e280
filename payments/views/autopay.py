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
from payments.models import Autopay, PaymentMethod
from policies.models import Policy

P = Permission


class EnrolForm(forms.Form):
    """A kept method, maybe with another one as fallback; or a processor's bare token."""

    payment_method = forms.ChoiceField(label="Charged to", required=False)
    fallback = forms.ChoiceField(
        label="And if that fails for good", required=False, help_text="Charged when the first may not be any more."
    )
    method = forms.ChoiceField(
        label="Method of a bare token", required=False, choices=[("card", "Card"), ("ach", "ACH (bank account)")]
    )
    token = forms.CharField(
        label="Bare token",
        max_length=120,
        required=False,
        help_text="Only without a kept method: the processor's token; never a card number.",
    )

    def __init__(self, *args: Any, policy: Policy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = PaymentMethod.objects.filter(party=policy.insured_id).exclude(state__in=["blocked", "removed"])
        own = [(method.id, str(method)) for method in rows.order_by("-is_default", "-id")]
        for name, none in (("payment_method", "None of these: a bare token"), ("fallback", "–")):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [*own, ("", none)] if name == "payment_method" else [("", none), *own]
        if own:
            self.fields["payment_method"].initial = own[0][0]
        else:
            del self.fields["payment_method"], self.fields["fallback"]


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

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "policy": self.policy()}

    def run(self, form: EnrolForm) -> str:
        data = form.cleaned_data
        kept = data.get("payment_method") or None
        autopay.enrol(
            policy_id=self.policy().id,
            payment_method_id=kept,
            fallback_id=data.get("fallback") or None,
            method="" if kept else data["method"],
            token=data["token"],
            actor=self.actor,
        )
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
