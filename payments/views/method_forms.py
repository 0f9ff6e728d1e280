"""Forms about one payment method: added, allowed by a mandate, validated, removed, unblocked; and what it is to pay."""

from __future__ import annotations

import hashlib
from typing import Any

from django import forms
from django.contrib import messages
from django.urls import reverse

from billing import open_items
from billing.models import Invoice
from compliance import access
from compliance.pages import CommandPage, DateField, MoneyField
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from payments import consent_texts, mandates, methods, scheduled, validations
from payments.models import AccountValidation, Mandate, PaymentMethod, ScheduledPayment
from payments.views.methods import OVER, method_of, policy_of, said

P = Permission
STAFF_TEXT = "staff-1"


class Unseen(forms.TextInput):
    """A text that is typed once and never written back into the page."""

    def format_value(self, value: Any) -> None:
        return None


class BankAccountForm(forms.Form):
    holder_name = forms.CharField(label="Name on the account", max_length=120)
    holder = forms.ChoiceField(label="Held by", choices=PaymentMethod.Holder.choices)
    account_type = forms.ChoiceField(label="Kind of account", choices=PaymentMethod.AccountType.choices)
    routing_number = forms.CharField(
        label="Routing number", max_length=20, help_text="Nine digits, at the bottom left of a check.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip
    account_number = forms.CharField(
        label="Account number", max_length=40, help_text="It is sealed at once; only the last four are shown again.",
        widget=Unseen(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    not_a_card = forms.BooleanField(
        label="This is the number of a bank account, though it looks like a card number", required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            del self.fields["not_a_card"]


class PolicyStep(CommandPage):
    """One form about how a policy's insured pays, on the common page of a step."""

    reads = writes = P.PAYMENTS_WRITE
    template_name = "billing/step.html"
    heading, button, says = "", "", ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        policy = policy_of(self)
        words = {
            "heading": self.heading,
            "button": self.button,
            "says": self.says,
            "note": f"{policy.number} of {policy.insured.name}",
            "list": reverse("policy", args=[policy.id]),
            "list_words": policy.number,
            "back": reverse("payments:methods", args=[policy.id]),
            "back_words": "Payment methods",
        }
        return super().get_context_data(words=words, **kwargs)


class AddBankAccount(PolicyStep):
    """Keep a bank account of a policy's insured; the next page takes the mandate."""

    form_class = BankAccountForm
    heading, button = "Add a bank account", "Add the account"
    says = "The next page shows the words that the payor has to agree to before the account is charged."

    def run(self, form: BankAccountForm) -> str:
        data = form.cleaned_data
        method = methods.add_bank_account(
            party_id=policy_of(self).insured_id, **{**data, "not_a_card": data.get("not_a_card", False)},
            actor=self.actor,
        )  # fmt: skip
        messages.success(self.request, f"{method} is kept. Read the payor these words before it is charged.")
        return reverse("payments:give-mandate", args=[method.id])


class MandateForm(forms.Form):
    given = forms.ChoiceField(label="How did the payor agree?")
    evidence = forms.CharField(
        label="Where is the recording or the signed paper?", max_length=200, required=False,
        help_text="Needed for leave by phone and on paper.",
    )  # fmt: skip
    mark = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, method: PaymentMethod, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given = [Mandate.Given.PHONE, Mandate.Given.PAPER]
        if method.holder == PaymentMethod.Holder.BUSINESS or method.kind == PaymentMethod.Kind.CARD:
            given.append(Mandate.Given.AGREEMENT)
        field = self.fields["given"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(way.value, way.label) for way in given]


class MethodStep(CommandPage):
    """One form about a payment method."""

    reads = writes = P.PAYMENTS_WRITE
    template_name = "billing/step.html"
    heading, button, says, tone = "", "", "", "button--main"

    def method(self) -> PaymentMethod:
        """The method it is about. Raises: NotFound."""
        return method_of(self)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        method = self.method()
        words = {
            "heading": self.heading,
            "button": self.button,
            "says": self.says,
            "tone": self.tone,
            "note": f"{method} of {method.party.name}",
            "list": reverse("payments:list"),
            "list_words": "Payments",
            "back": reverse("payments:method", args=[method.id]),
            "back_words": str(method),
        }
        return super().get_context_data(words=words, method=method, **kwargs)


class GiveMandate(MethodStep):
    """Keep a payor's leave, in the words the page shows."""

    form_class = MandateForm
    template_name = "payments/method/mandate.html"
    heading, button = "Leave to charge", "The payor agreed to these words"

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "method": method_of(self)}

    def get_initial(self) -> dict[str, Any]:
        return {"mark": _mark(self.text())}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(text=self.text(), **kwargs)

    def text(self) -> str:
        method = method_of(self)
        return consent_texts.lasting(method.organization.name, method)

    def run(self, form: MandateForm) -> str:
        method, text = method_of(self), self.text()
        if form.cleaned_data["mark"] != _mark(text):
            raise Invalid("The words have changed since; read them again.")
        mandates.give(
            payment_method_id=method.id,
            text=text,
            text_version=STAFF_TEXT,
            given=form.cleaned_data["given"],
            evidence=form.cleaned_data["evidence"],
            actor=self.actor,
        )
        return said(self.request, "The mandate is kept.", method)


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=200, help_text="Kept in the audit trail.")


class Remove(MethodStep):
    """Take a method away."""

    form_class = ReasonForm
    heading, button, tone = "Remove the method", "Remove it", "button--danger"
    says = "Its mandates and the autopay by it end. Payments on their way go on."

    def run(self, form: ReasonForm) -> str:
        method = methods.remove(
            payment_method_id=self.kwargs["method_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        return said(self.request, "The method is removed.", method)


class LiftBlock(MethodStep):
    """Let a blocked method be charged again."""

    form_class = ReasonForm
    heading, button, tone = "Lift the block", "Lift it", "button--danger"
    says = "Only when the bank or the payor has cleared what blocked it. It takes a new mandate before it is charged."

    def run(self, form: ReasonForm) -> str:
        method = methods.lift_block(
            payment_method_id=self.kwargs["method_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        return said(self.request, "The block is lifted.", method)


class ValidationForm(forms.Form):
    kind = forms.ChoiceField(
        label="How?",
        choices=[
            ("prenote", "Prenote: an entry of nothing; passes when no bank returns it by the third banking day"),
            ("micro_entries", "Micro-entries: two credits below 1.00 that the payor names back"),
        ],
    )


class Validate(MethodStep):
    """Start to validate a bank account."""

    form_class = ValidationForm
    heading, button = "Validate the account", "Start"
    says = "An account whose payor agreed on the web is validated before its first debit."

    def run(self, form: ValidationForm) -> str:
        method = method_of(self)
        validations.start(payment_method_id=method.id, kind=form.cleaned_data["kind"], actor=self.actor)
        return said(self.request, "It goes out with the next file.", method)


class AmountsForm(forms.Form):
    first = forms.IntegerField(label="First amount, in cents", min_value=1, max_value=99)
    second = forms.IntegerField(label="Second amount, in cents", min_value=1, max_value=99)


class Confirm(MethodStep):
    """Name the two amounts of micro-entries back."""

    form_class = AmountsForm
    fields_of = {"amounts_minor": "second"}
    heading, button = "Name the amounts", "Check them"
    says = f"The payor finds two credits below 1.00 on the statement. {validations.MOST_TRIES} wrong answers end it."

    def method(self) -> PaymentMethod:
        rows = AccountValidation.objects.select_related("payment_method__party")
        return access.get(self.actor, rows, self.kwargs["validation_id"]).payment_method

    def run(self, form: AmountsForm) -> str:
        done = validations.confirm(
            validation_id=self.kwargs["validation_id"],
            amounts_minor=[form.cleaned_data["first"], form.cleaned_data["second"]],
            actor=self.actor,
        )
        return said(self.request, "The account is validated.", done.payment_method)


class RevokeMandate(MethodStep):
    """End a mandate."""

    form_class = ReasonForm
    heading, button, tone = "Revoke the mandate", "Revoke it", "button--danger"
    says = "Its words are kept. Payments on their way go on; nothing else is charged by it."

    def method(self) -> PaymentMethod:
        rows = Mandate.objects.select_related("payment_method__party")
        return access.get(self.actor, rows, self.kwargs["mandate_id"]).payment_method

    def run(self, form: ReasonForm) -> str:
        mandate = mandates.revoke(
            mandate_id=self.kwargs["mandate_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        return said(self.request, "The mandate is revoked.", mandate.payment_method)


class ScheduleForm(forms.Form):
    payment_method = forms.ChoiceField(label="Charged to")
    collect_on = DateField(label="On")
    amount = MoneyField(label="Amount", required=False, help_text="Empty: all that is open on the day.")

    def __init__(self, *args: Any, invoice: Invoice, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = MoneyField(
            label=f"Amount ({invoice.currency})", currency=invoice.currency, required=False,
            help_text="Empty: all that is open on the day.",
        )  # fmt: skip
        field = self.fields["payment_method"]
        assert isinstance(field, forms.ChoiceField)
        own = PaymentMethod.objects.filter(party=invoice.policy.insured_id).exclude(state__in=OVER)
        field.choices = [(method.id, str(method)) for method in own]


class Schedule(CommandPage):
    """Charge an invoice on a day the payor chose."""

    reads = writes = P.PAYMENTS_WRITE
    form_class = ScheduleForm
    template_name = "billing/step.html"
    fields_of = {"amount_minor": "amount"}

    def invoice(self) -> Invoice:
        rows = access.operable(self.actor, Invoice.objects.select_related("policy__insured"))
        return access.get(self.actor, rows, self.kwargs["invoice_id"], field="invoice")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "invoice": self.invoice()}

    def get_initial(self) -> dict[str, Any]:
        return {"collect_on": max(self.invoice().due_on, clock.today())}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        invoice = self.invoice()
        still_open = Money(open_items.open_minor(invoice), invoice.currency)
        words = {
            "heading": "Schedule a payment",
            "button": "Schedule it",
            "says": f"{still_open} is open on invoice {invoice.number}, due {invoice.due_on}.",
            "note": f"{invoice.policy.number} of {invoice.policy.insured.name}",
            "list": reverse("policy", args=[invoice.policy_id]),
            "list_words": invoice.policy.number,
            "back": reverse("payments:methods", args=[invoice.policy_id]),
            "back_words": "Payment methods",
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: ScheduleForm) -> str:
        planned = scheduled.schedule(
            invoice_id=self.kwargs["invoice_id"],
            payment_method_id=form.cleaned_data["payment_method"],
            collect_on=form.cleaned_data["collect_on"],
            amount_minor=form.cleaned_data["amount"],
            actor=self.actor,
        )
        messages.success(self.request, f"It is charged on {planned.collect_on}.")
        return reverse("payments:methods", args=[planned.policy_id])


class Withdraw(CommandPage):
    """Take a scheduled payment back before its day."""

    reads = writes = P.PAYMENTS_WRITE
    form_class = ReasonForm
    template_name = "billing/step.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = ScheduledPayment.objects.select_related("policy__insured", "invoice")
        planned = access.get(self.actor, rows, self.kwargs["scheduled_id"])
        words = {
            "heading": "Withdraw the payment",
            "button": "Withdraw it",
            "tone": "button--danger",
            "says": f"Invoice {planned.invoice.number} is not charged on {planned.collect_on}.",
            "note": f"{planned.policy.number} of {planned.policy.insured.name}",
            "list": reverse("policy", args=[planned.policy_id]),
            "list_words": planned.policy.number,
            "back": reverse("payments:methods", args=[planned.policy_id]),
            "back_words": "Payment methods",
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: ReasonForm) -> str:
        planned = scheduled.withdraw(
            scheduled_id=self.kwargs["scheduled_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        messages.success(self.request, "The scheduled payment is withdrawn.")
        return reverse("payments:methods", args=[planned.policy_id])


def _mark(text: str) -> str:
    """A short mark of the words a page showed."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
