"""Pages about deposits: key a stack of checks, look at a lockbox file and take it in, place what is held, take back."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.views.generic import TemplateView

from billing import suspense
from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, FilterForm, ListPage, PreviewPage
from compliance.permissions import Permission
from compliance.uploads import packed
from coverpay.kernel import clock
from coverpay.kernel.errors import DomainError, Invalid
from payments import deposit_returns, deposits, journeys, lockbox
from payments.deposit_forms import (
    BounceForm,
    DepositFilters,
    DepositForm,
    LockboxForm,
    PlaceItemForm,
    WhyForm,
)
from payments.models import Deposit, DepositItem
from policies.models import Policy
from reconciliation.ledger.models import Fund
from reconciliation.models import BankAccount

P = Permission
State = DepositItem.State
_OF_ITEM = re.compile(r"items\.(\d+)(?:\.(\w+))?")
_COLUMNS = {"amount_minor": "amount", "financed_minor": "financed"}


class DepositList(ListPage):
    """Deposits, newest first, with what of them is held."""

    reads = P.PAYMENTS_READ
    template_name = "payments/deposit/list.html"
    filters = DepositFilters

    def rows(self, filters: FilterForm) -> QuerySet[Deposit]:
        rows = Deposit.objects.select_related("bank_account").annotate(
            item_count=Count("items"),
            held_count=Count("items", filter=Q(items__state=State.SUSPENSE)),
            bounced_count=Count("items", filter=Q(items__state=State.BOUNCED)),
        )
        if filters.value("kind"):
            rows = rows.filter(kind=filters.value("kind"))
        if filters.value("show"):
            rows = rows.filter(**{f"{filters.value('show')}_count__gt": 0})
        sought = filters.value("q")
        if sought:
            its = DepositItem.objects.filter(deposit=OuterRef("pk"))
            named = its.filter(
                Q(reference__icontains=sought) | Q(check_number=sought) | Q(payor_name__icontains=sought)
            )
            rows = rows.filter(Q(reference__icontains=sought) | Exists(named))
        return rows

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(can_record=access.may(self.actor, P.CASH_WRITE), **kwargs)


class OfBanks(CommandPage):
    """A form that begins with one of the organization's trust accounts."""

    reads = writes = P.CASH_WRITE

    def get_form_kwargs(self) -> dict[str, Any]:
        banks = access.operable(self.actor, BankAccount.objects.filter(ledger_account__fund=Fund.TRUST))
        return {**super().get_form_kwargs(), "banks": list(banks.order_by("id"))}


class NewDeposit(OfBanks):
    """Key a deposit: the slip, and a row for each check."""

    form_class = DepositForm
    template_name = "payments/deposit/new.html"
    fields_of: ClassVar[dict[str, str]] = {"amount_minor": "amount", "items": ""}

    def run(self, form: DepositForm) -> str:
        data = form.cleaned_data
        deposit = deposits.take_in(
            bank_account_id=data["bank_account"],
            kind=data["kind"],
            reference=data["reference"],
            received_on=data["received_on"],
            amount_minor=data["amount"],
            items=form.items,
            actor=self.actor,
        )
        held = deposit.items.filter(state=State.SUSPENSE).count()
        words = f"{deposit.reference} is recorded" + (f"; {held} of its items wait for you." if held else ".")
        messages.success(self.request, words)
        return reverse("payments:deposit", args=[deposit.id])

    def show(self, error: DomainError, form: Any) -> None:
        found = _OF_ITEM.fullmatch(error.field or "")
        if found is None:
            super().show(error, form)
            return
        row = form.row_of(int(found[1]))
        column = _COLUMNS.get(found[2], found[2])
        row.add_error(column if column in row.fields else None, error.message)


class UploadLockbox(PreviewPage, OfBanks):
    """Look at a lockbox file, then take it in."""

    form_class = LockboxForm
    template_name = "payments/deposit/lockbox.html"

    def preview(self, form: LockboxForm) -> lockbox.Preview:
        data = form.cleaned_data
        return lockbox.preview(bank_account_id=data["bank_account"], content=data["content"], actor=self.actor)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form")
        content = form.cleaned_data.get("content") if form is not None and kwargs.get("preview") else None
        return super().get_context_data(held=packed(content) if content else "", **kwargs)

    def show(self, error: DomainError, form: Any) -> None:
        super().show(error, form)
        form.problems = error.extra.get("problems", [])

    def run(self, form: LockboxForm) -> str:
        data = form.cleaned_data
        made = lockbox.import_file(bank_account_id=data["bank_account"], content=data["content"], actor=self.actor)
        messages.success(self.request, "The file is taken in; its items are placed as they are looked at.")
        if len(made) == 1:
            return reverse("payments:deposit", args=[made[0].id])
        return reverse("payments:deposits")


class DepositDetail(StaffPage, TemplateView):
    """One deposit, item by item, and where each stands."""

    reads = P.PAYMENTS_READ
    template_name = "payments/deposit/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        deposit = access.get(self.actor, Deposit.objects.select_related("bank_account"), self.kwargs["deposit_id"])
        items = list(deposit.items.select_related("policy", "invoice", "attempt").order_by("position"))
        operates = access.operable(self.actor, Deposit.objects.filter(pk=deposit.pk)).exists()
        sums = {state: sum(item.amount_minor for item in items if item.state == state) for state in State.values}
        return super().get_context_data(
            deposit=deposit,
            items=items,
            sums=sums,
            journey=journeys.of_deposit(self.actor, deposit),
            waiting=any(item.state == State.SUSPENSE and not item.why for item in items),
            can_act=operates and access.may(self.actor, P.CASH_WRITE),
            **kwargs,
        )


class ItemStep(CommandPage):
    """Something a person does with one item."""

    reads = writes = P.CASH_WRITE
    template_name = "billing/step.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    tone: ClassVar[str] = "button--main"
    says: ClassVar[str] = ""
    fields_of: ClassVar[dict[str, str]] = {"deposit_item": "", "suspense_item": ""}

    @property
    def item(self) -> DepositItem:
        rows = access.operable(self.actor, DepositItem.objects.select_related("deposit", "suspense_item"))
        return access.get(self.actor, rows, self.kwargs["deposit_item_id"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        item = self.item
        words = {
            "heading": self.heading,
            "button": self.button,
            "tone": self.tone,
            "says": self.says,
            "note": f"Item {item.position}: {item.payor_name or 'an unknown payor'}",
            "list": reverse("payments:deposits"),
            "list_words": "Deposits",
            "back": reverse("payments:deposit", args=[item.deposit_id]),
            "back_words": item.deposit.reference,
        }
        return super().get_context_data(words=words, item=item, **kwargs)

    def done(self, item: DepositItem, words: str) -> str:
        messages.success(self.request, words)
        return reverse("payments:deposit", args=[item.deposit_id])


class PlaceItem(ItemStep):
    """Say whose the money is, with the likeliest policies at hand."""

    heading, button = "Place an item", "Place it"
    form_class = PlaceItemForm
    template_name = "payments/deposit/place.html"

    def get_initial(self) -> dict[str, Any]:
        return {"policy": self.request.GET.get("policy", "")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        item = self.item
        waits = item.state == State.SUSPENSE and item.suspense_item_id is not None
        found = suspense.suggestions_for(self.actor, str(item.suspense_item_id)) if waits else []
        return super().get_context_data(suggestions=found, **kwargs)

    def run(self, form: PlaceItemForm) -> str:
        sought = form.cleaned_data["policy"].strip()
        policy = access.operable(self.actor, Policy.objects.filter(Q(number=sought) | Q(pk=sought))).first()
        if policy is None:
            raise Invalid(f"There is no policy {sought!r} of yours.", field="policy")
        item = deposits.place(
            item_id=self.kwargs["deposit_item_id"],
            policy_id=policy.id,
            reason=form.cleaned_data["reason"],
            actor=self.actor,
        )
        return self.done(item, f"Placed on policy {policy.number}.")


class TakeOutItem(ItemStep):
    """Undo a wrong placing."""

    heading, button, form_class = "Take an item out", "Take it out again", WhyForm
    says = "Every balance is as it was before, and the item waits again."

    def run(self, form: WhyForm) -> str:
        item = deposits.take_out(
            item_id=self.kwargs["deposit_item_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        return self.done(item, "The placing is undone; the item waits again.")


class SendBackItem(TakeOutItem):
    """Send held money back."""

    heading, button, tone = "Send an item back", "Send it back", "button--danger"
    says = "The money leaves the trust account again."

    def run(self, form: WhyForm) -> str:
        item = deposits.send_back(
            item_id=self.kwargs["deposit_item_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        return self.done(item, "The money goes back to its sender.")


class BounceItem(ItemStep):
    """Record that the bank returned a check."""

    heading, button, tone, form_class = "A check came back", "Take it back", "button--danger", BounceForm
    says = (
        "What the whole check paid is open again, to the cent, and the plan's fee for a returned payment is charged "
        "once, where the state allows it."
    )

    def get_initial(self) -> dict[str, Any]:
        return {"returned_on": clock.today()}

    def run(self, form: BounceForm) -> str:
        check = deposit_returns.bounce(
            item_id=self.kwargs["deposit_item_id"],
            reason=form.cleaned_data["reason"],
            returned_on=form.cleaned_data["returned_on"],
            actor=self.actor,
        )
        return self.done(check[0], f"{len(check)} item{'s' if len(check) != 1 else ''} of the check went back.")
