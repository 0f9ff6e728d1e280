"""Pages about money paid out: disbursements, check runs, and the screening of payees."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.generic import TemplateView, View

from compliance import access, screening
from compliance.http import StaffPage
from compliance.models import Permit, Screening
from compliance.pages import CommandPage, DateField, FilterForm, ListPage, MoneyField
from compliance.permissions import Permission
from coverpay.kernel import clock
from payments import checks, disbursements, journeys
from payments.disbursements import Wish, transition_allowed
from payments.models import CheckRun, Disbursement, PaymentMethod
from policies.models import Policy
from reconciliation.ledger.models import Entry
from reconciliation.models import BankAccount

P = Permission
VERBS = {
    # verb: heading, button, what it says, permission, tone
    "hold": ("Hold it", "Hold", "It is not sent before someone releases it.", P.PAYMENTS_WRITE, ""),
    "release": ("Release it", "Release", "It is screened again and goes on.", P.PAYMENTS_WRITE, "button--main"),
    "cancel": ("Cancel it", "Cancel the disbursement", "The cash stays with the policy.", P.PAYMENTS_WRITE,
               "button--danger"),
    "void": ("Void the check", "Void", "The cash is the policy's again, and the void file tells the bank. Ask the bank "
             "for a stop payment when the check is out.", P.CASH_WRITE, "button--danger"),
    "reissue": ("Reissue the check", "Void and reissue", "The check is voided, and another of the same amount is asked "
                "for in its place.", P.CASH_WRITE, "button--main"),
    "escheat": ("Count it as unclaimed property", "Owe it to the state", "The stale check comes back into the books "
                "and is owed to the state of its payee.", P.CASH_WRITE, "button--main"),
}  # fmt: skip
TRANSITIONS = {"reissue": "void"}


class DisbursementFilters(FilterForm):
    q = forms.CharField(label="Payee, policy or check number", required=False, max_length=80)
    state = forms.ChoiceField(label="State", required=False, choices=[("", "All"), *Disbursement.State.choices])


class RequestForm(forms.Form):
    """How much goes out, to whom and how."""

    amount = MoneyField(label="Amount")
    method = forms.ChoiceField(label="Way", choices=Disbursement.Method.choices)
    return_premium = forms.ChoiceField(label="Return premium it settles", required=False)
    bank_account = forms.ChoiceField(label="Paid from", required=False, help_text="For a check or an ACH credit.")
    payment_method = forms.ChoiceField(label="Payee's account", required=False, help_text="For an ACH credit.")
    reason = forms.CharField(label="Why does it go out?", max_length=300)

    def __init__(self, *args: Any, policy: Policy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = MoneyField(
            label=f"Amount ({policy.program.currency})", currency=policy.program.currency
        )
        banks = BankAccount.objects.filter(organization_id=policy.operator_id, currency=policy.program.currency)
        accounts = PaymentMethod.objects.filter(party_id=policy.insured_id, kind=PaymentMethod.Kind.ACH)
        owed = policy.return_premiums.filter(refundable_minor__gt=0)
        self._offer("bank_account", [(bank.id, str(bank)) for bank in banks.order_by("name")])
        self._offer(
            "payment_method", [(own.id, str(own)) for own in accounts if own.state in ("active", "unvalidated")]
        )
        self._offer("return_premium", [(each.id, str(each)) for each in owed])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "–"), *choices]


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=300, help_text="Kept in the audit trail.")


class ClearForm(forms.Form):
    on = DateField(label="Paid by the bank on")


class RunForm(forms.Form):
    first_number = forms.IntegerField(
        label="First number in the printer", required=False, min_value=1, help_text="Empty: the next in the row."
    )


class DisbursementList(ListPage):
    """Everything that is to go out, is out, or came back."""

    reads = P.PAYMENTS_READ
    template_name = "payments/disbursement/list.html"
    filters = DisbursementFilters

    def rows(self, filters: FilterForm) -> QuerySet[Disbursement]:
        rows = Disbursement.objects.select_related("policy", "bank_account")
        text, state = filters.value("q") or "", filters.value("state")
        if text.isdecimal():
            rows = rows.filter(check_number=int(text[:9])) | rows.filter(policy__number__icontains=text)
        elif text:
            rows = rows.filter(payee_name__icontains=text) | rows.filter(policy__number__icontains=text)
        return rows.filter(state=state) if state else rows

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        waiting = access.visible(
            self.actor, Disbursement.objects.filter(state=Disbursement.State.APPROVED, method="check")
        )
        return super().get_context_data(
            checks_waiting=waiting.count(),
            can_issue=access.may(self.actor, P.CASH_WRITE),
            today=clock.today(),
            **kwargs,
        )


class DisbursementDetail(StaffPage, TemplateView):
    """One disbursement: where it stands, what it waits for, what it posted."""

    reads = P.PAYMENTS_READ
    template_name = "payments/disbursement/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Disbursement.objects.select_related("policy__insured", "bank_account", "payment_method", "payee")
        made = access.get(self.actor, rows, self.kwargs["disbursement_id"])
        actions = [
            {"url": reverse(f"payments:disbursement-{verb}", args=[made.id]), "words": words[0], "tone": words[4]}
            for verb, words in VERBS.items()
            if access.may(self.actor, words[3]) and transition_allowed(made, TRANSITIONS.get(verb, verb))
        ]
        return super().get_context_data(
            made=made,
            actions=actions,
            can_clear=access.may(self.actor, P.RECONCILIATION_WRITE) and transition_allowed(made, "clear"),
            permit=access.visible(self.actor, Permit.objects.filter(pk=made.permit_id)).first(),
            screening=access.visible(self.actor, Screening.objects.filter(pk=made.screening_id)).first(),
            entries=list(access.visible(self.actor, Entry.objects.filter(source_id=made.id)).order_by("id")),
            journey=journeys.of_disbursement(self.actor, made),
            **kwargs,
        )


class StepPage(CommandPage):
    """One form on the common page of a step, about a policy, a disbursement or a bank account."""

    template_name = "billing/step.html"

    def words(self) -> dict[str, str]:
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        words = {"list": reverse("payments:disbursements"), "list_words": "Disbursements", **self.words()}
        return super().get_context_data(words=words, **kwargs)


class Request(StepPage):
    """Ask for unapplied cash of a policy to be paid out."""

    reads = writes = P.PAYMENTS_WRITE
    form_class = RequestForm
    fields_of = {"amount_minor": "amount"}

    def policy(self) -> Policy:
        rows = access.operable(self.actor, Policy.objects.select_related("insured", "program"))
        return access.get(self.actor, rows, self.kwargs["policy_id"])

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "policy": self.policy()}

    def words(self) -> dict[str, str]:
        policy = self.policy()
        return {
            "heading": "Pay out unapplied cash",
            "button": "Ask for it",
            "says": "It is screened against the lists of blocked persons; above the limit another person approves it. "
            "Then it is issued.",
            "note": f"{policy.number} of {policy.insured.name}",
            "back": reverse("policy", args=[policy.id]),
            "back_words": policy.number,
        }

    def run(self, form: RequestForm) -> str:
        data = form.cleaned_data
        made = disbursements.request(
            policy_id=self.kwargs["policy_id"],
            wish=Wish(
                method=data["method"],
                amount_minor=data["amount"],
                return_premium_id=data["return_premium"] or None,
                bank_account_id=data["bank_account"] or None,
                payment_method_id=data["payment_method"] or None,
            ),
            reason=data["reason"],
            actor=self.actor,
        )
        messages.success(self.request, "The disbursement is asked for.")
        return reverse("payments:disbursement", args=[made.id])


class Step(StepPage):
    """Hold, release, cancel, void, reissue or escheat a disbursement, saying why."""

    reads = writes = P.PAYMENTS_WRITE
    form_class = ReasonForm
    verb = ""

    def made(self) -> Disbursement:
        rows = access.operable(self.actor, Disbursement.objects.select_related("policy"))
        return access.get(self.actor, rows, self.kwargs["disbursement_id"])

    def words(self) -> dict[str, str]:
        heading, button, says, _, tone = VERBS[self.verb]
        made = self.made()
        back = {"back": reverse("payments:disbursement", args=[made.id]), "back_words": made.payee_name}
        return {"heading": heading, "button": button, "says": says, "tone": tone, "note": str(made), **back}

    def run(self, form: ReasonForm) -> str:
        do = getattr(checks if self.verb in ("void", "reissue", "escheat") else disbursements, self.verb)
        made = do(disbursement_id=self.made().id, reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, f"The disbursement is {made.get_state_display().lower()}.")
        return reverse("payments:disbursement", args=[made.id])


class Clear(StepPage):
    """Note by hand that the bank paid it."""

    reads = writes = P.RECONCILIATION_WRITE
    form_class = ClearForm

    def words(self) -> dict[str, str]:
        rows = access.operable(self.actor, Disbursement.objects.all())
        made = access.get(self.actor, rows, self.kwargs["disbursement_id"])
        back = {"back": reverse("payments:disbursement", args=[made.id]), "back_words": made.payee_name}
        says = "A matched statement line does this by itself; note it by hand only when there is none."
        return {"heading": "The bank paid it", "button": "Note it", "says": says, "note": str(made), **back}

    def run(self, form: ClearForm) -> str:
        made = checks.clear(
            disbursement_id=self.kwargs["disbursement_id"], on=form.cleaned_data["on"], actor=self.actor
        )
        messages.success(self.request, "Noted as paid.")
        return reverse("payments:disbursement", args=[made.id])


class CheckRuns(ListPage):
    """Check runs with their issue files, and what waits to be written."""

    reads = P.PAYMENTS_READ
    template_name = "payments/disbursement/runs.html"

    def rows(self, filters: FilterForm) -> QuerySet[CheckRun]:
        return CheckRun.objects.select_related("bank_account")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Disbursement.objects.filter(state=Disbursement.State.APPROVED, method=Disbursement.Method.CHECK)
        waiting = access.visible(self.actor, rows.select_related("bank_account", "policy")).order_by("id")
        banks = {made.bank_account_id: made.bank_account for made in waiting}
        return super().get_context_data(
            waiting=waiting, banks=banks.values(), can_issue=access.may(self.actor, P.CASH_WRITE), **kwargs
        )


class IssueRun(StepPage):
    """Write every approved check of a bank account."""

    reads = writes = P.CASH_WRITE
    form_class = RunForm

    def bank(self) -> BankAccount:
        return access.get(self.actor, BankAccount.objects.all(), self.kwargs["bank_account_id"])

    def words(self) -> dict[str, str]:
        back = {"back": reverse("payments:check-runs"), "back_words": "Check runs"}
        says = "Every approved check of this account gets the next number; the bank's issue file is kept with the run."
        return {"heading": "Write the checks", "button": "Write them", "says": says, "note": str(self.bank()), **back}

    def run(self, form: RunForm) -> str:
        run = checks.issue_run(
            bank_account_id=self.bank().id, first_number=form.cleaned_data["first_number"], actor=self.actor
        )
        messages.success(self.request, f"Checks {run.first_number} to {run.last_number} are written.")
        return reverse("payments:check-runs")


class IssueFile(StaffPage, View):
    """The positive pay file of a run."""

    reads = P.PAYMENTS_READ

    def get(self, request: HttpRequest, run_id: str) -> HttpResponse:
        run = access.get(self.actor, CheckRun.objects.all(), run_id)
        name = f"positive-pay-{run.issued_on}-{run.first_number}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(run.content, content_type="text/csv; charset=utf-8", headers=headers)


class ScreeningFilters(FilterForm):
    state = forms.ChoiceField(label="State", required=False, choices=[("", "All"), *Screening.State.choices])


class Screenings(ListPage):
    """Names compared with lists of blocked persons."""

    reads = P.PAYMENTS_READ
    template_name = "payments/disbursement/screenings.html"
    filters = ScreeningFilters

    def rows(self, filters: FilterForm) -> QuerySet[Screening]:
        state = filters.value("state")
        return Screening.objects.filter(state=state) if state else Screening.objects.all()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        decides = access.may(self.actor, P.APPROVALS_DECIDE)
        return super().get_context_data(can_decide=decides, lists=screening.newest(), **kwargs)


class DecideForm(forms.Form):
    verdict = forms.ChoiceField(
        label="Who is it?",
        choices=[("", "Choose…"), ("clear", "Someone else"), ("block", "The listed person: nothing goes out")],
    )
    reason = forms.CharField(label="How do you know?", max_length=300, help_text="Kept in the audit trail.")


class DecideScreening(StepPage):
    """Say whether a possible match is the listed person."""

    reads = writes = P.APPROVALS_DECIDE
    form_class = DecideForm
    template_name = "payments/disbursement/screening.html"

    def found(self) -> Screening:
        return access.get(self.actor, Screening.objects.all(), self.kwargs["screening_id"])

    def words(self) -> dict[str, str]:
        back = {"back": reverse("payments:screenings"), "back_words": "Screenings"}
        return {"heading": f"Is it {self.found().name}?", "button": "Decide", "says": "", "note": "", **back}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(found=self.found(), **kwargs)

    def run(self, form: DecideForm) -> str:
        do = screening.clear if form.cleaned_data["verdict"] == "clear" else screening.block
        found = do(screening_id=self.found().id, reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, f"Decided: {found.get_state_display().lower()}.")
        return reverse("payments:screenings")
