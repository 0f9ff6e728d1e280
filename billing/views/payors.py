"""Forms about who pays: open a billing account, attach policies to it, split a policy between payors."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.urls import reverse

from billing import accounts, slots
from billing.models import BillingAccount
from billing.views.cash import policy_by_number
from compliance import access
from compliance.pages import CommandPage
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Invalid
from policies.models import Party, Policy

P = Permission
PPM_PER_PERCENT = 10_000
PAYORS_AT_MOST = 4


class OpenForm(forms.Form):
    number = forms.CharField(label="Account number", max_length=40)
    payor = forms.CharField(
        label="Payor", max_length=200, help_text="The number or exact name of an insured, mortgagee or other party."
    )
    mode = forms.ChoiceField(label="How it is billed", choices=BillingAccount.Mode.choices)
    due_day = forms.IntegerField(
        label="Due day", required=False, help_text="Day of the month, 1 to 31. Empty: as the payment plan says."
    )
    currency = forms.CharField(label="Currency", max_length=3, initial="USD")


class AttachForm(forms.Form):
    policies = forms.CharField(
        label="Policies",
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Their numbers, one a line or with commas between.",
    )

    def clean_policies(self) -> list[str]:
        typed: str = self.cleaned_data["policies"]
        return typed.replace(",", "\n").split()


class SharesForm(forms.Form):
    """Up to four payors of one policy: an account by its number and what percentage it pays."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for place in range(1, PAYORS_AT_MOST + 1):
            self.fields[f"account_{place}"] = forms.CharField(
                label=f"Account {place}", required=False, max_length=40, help_text="Its number." if place == 1 else ""
            )
            self.fields[f"share_{place}"] = forms.DecimalField(
                label=f"Share of account {place} (%)", required=False, max_digits=7, decimal_places=4
            )

    def rows(self) -> list[tuple[int, str, Decimal | None]]:
        """The places filled in, as (place, account number, percentage)."""
        typed = self.cleaned_data
        places = range(1, PAYORS_AT_MOST + 1)
        every = [(place, typed[f"account_{place}"].strip(), typed[f"share_{place}"]) for place in places]
        return [row for row in every if row[1] or row[2] is not None]


class PayorStep(CommandPage):
    """One form about who pays, on the common page of a step."""

    reads = writes = P.BILLING_WRITE
    template_name = "billing/step.html"

    def words(self) -> dict[str, str]:
        """What the page says around the form."""
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(words=self.words(), **kwargs)


class OpenAccount(PayorStep):
    """Open a billing account."""

    form_class = OpenForm
    fields_of = {"payor_id": "payor"}

    def words(self) -> dict[str, str]:
        home = reverse("billing:accounts")
        return {
            "heading": "Open a billing account",
            "button": "Open the account",
            "note": "Who pays, and how the bill comes.",
            "list": reverse("billing:invoices"),
            "list_words": "Billing",
            "back": home,
            "back_words": "Billing accounts",
        }

    def run(self, form: OpenForm) -> str:
        data = form.cleaned_data
        opened = accounts.open_account(
            number=data["number"],
            payor_id=party_by_name(self.actor, data["payor"]).id,
            mode=data["mode"],
            due_day=data["due_day"],
            currency=data["currency"].upper(),
            actor=self.actor,
        )
        messages.success(self.request, f"Account {opened.number} is open.")
        return reverse("billing:account", args=[opened.id])


class Attach(PayorStep):
    """Let an account pay the whole of some policies."""

    form_class = AttachForm
    fields_of = {"policy": "policies", "shares": "policies"}

    def words(self) -> dict[str, str]:
        account = accounts.one(self.actor, self.kwargs["account_id"], P.BILLING_WRITE)
        return {
            "heading": "Attach policies",
            "button": "Let it pay them",
            "note": f"Account {account.number} of {account.payor.name}",
            "says": "The account pays the whole of each policy from its next bill on. What is billed already stays "
            "with whom it was billed to.",
            "list": reverse("billing:accounts"),
            "list_words": "Billing accounts",
            "back": reverse("billing:account", args=[account.id]),
            "back_words": account.number,
        }

    def run(self, form: AttachForm) -> str:
        account_id = self.kwargs["account_id"]
        found = {policy_by_number(self.actor, number).id for number in form.cleaned_data["policies"]}
        accounts.attach(account_id=account_id, policy_ids=found, actor=self.actor)
        messages.success(self.request, f"{len(found)} attached.")
        return reverse("billing:account", args=[account_id])


class Shares(PayorStep):
    """Split a policy between payors."""

    form_class = SharesForm
    fields_of = {"shares": ""}

    def policy(self) -> Policy:
        rows = access.operable(self.actor, Policy.objects.select_related("insured"))
        return access.get(self.actor, rows, self.kwargs["policy_id"])

    def get_initial(self) -> dict[str, Any]:
        first: dict[str, Any] = {}
        for place, share in enumerate(slots.payors_of(self.policy()), start=1):
            first[f"account_{place}"] = share.account.number
            first[f"share_{place}"] = percentage(share.share_ppm)
        return first

    def words(self) -> dict[str, str]:
        policy = self.policy()
        return {
            "heading": "Who pays",
            "button": "Set the payors",
            "note": f"{policy.number} of {policy.insured.name}",
            "says": "The percentages sum to 100. Leave all empty and the insured pays alone. "
            "What is billed already stays with whom it was billed to.",
            "list": reverse("policies:list"),
            "list_words": "Policies",
            "back": reverse("policy", args=[policy.id]),
            "back_words": policy.number,
        }

    def run(self, form: SharesForm) -> str:
        policy = self.policy()
        shares: dict[str, int] = {}
        for place, number, percent in form.rows():
            account = account_by_number(self.actor, number, field=f"account_{place}")
            if percent is None:
                raise Invalid("Say what percentage it pays.", field=f"share_{place}")
            if account.id in shares:
                raise Invalid("This account is named twice.", field=f"account_{place}")
            shares[account.id] = int(percent * PPM_PER_PERCENT)
        if shares and sum(shares.values()) != accounts.WHOLE:
            total = percentage(sum(shares.values()))
            raise Invalid(f"The percentages sum to 100; these sum to {total}.", field="share_1")
        accounts.set_shares(policy_id=policy.id, shares=shares, actor=self.actor)
        messages.success(self.request, "The payors are set; what is not billed yet is split anew.")
        return reverse("policy", args=[policy.id])


def percentage(ppm: int) -> str:
    """Parts per million as a percentage without needless zeros: 100, 33.3333."""
    return f"{(Decimal(ppm) / PPM_PER_PERCENT).normalize():f}"


def account_by_number(actor: Actor, number: str, *, field: str) -> BillingAccount:
    """A billing account of the actor's organization by its number or id. Raises: Invalid."""
    rows = access.operable(actor, BillingAccount.objects.all())
    found = rows.filter(Q(number__iexact=number) | Q(pk=number)).first() if number else None
    if found is None:
        raise Invalid(f"There is no billing account {number!r} of yours.", field=field)
    return found


def party_by_name(actor: Actor, text: str) -> Party:
    """A party of the actor's organization by its number, id or exact name. Raises: Invalid."""
    text = text.strip()
    rows = access.operable(actor, Party.objects.all())
    found = list(rows.filter(Q(reference__iexact=text) | Q(pk=text))[:1]) or list(rows.filter(name__iexact=text)[:2])
    if len(found) != 1:
        several = f"Several parties are named {text!r}; use the number." if found else f"There is no party {text!r}."
        raise Invalid(several, field="payor")
    return found[0]
