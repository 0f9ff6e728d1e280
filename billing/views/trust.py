"""Pages of trust money: the position with its computation, and what moves it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.urls import reverse
from django.views.generic import TemplateView

from billing import trust
from billing.models import TrustMovement
from billing.trust import DRAWS, REMITS, Withdrawal
from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, DateField, FilterForm, MoneyField, PreviewPage, page_of
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from reconciliation import trust as positions
from reconciliation.ledger import queries
from reconciliation.ledger.accounts import CHART
from reconciliation.ledger.models import Book, Fund
from reconciliation.models import BankAccount

READ, WRITE = Permission.LEDGER_READ, Permission.CASH_WRITE


class DayFilter(FilterForm):
    at = DateField(label="At the end of", required=False)


class WithdrawForm(forms.Form):
    """What leaves, of whose money, from and to where."""

    what = forms.ChoiceField(label="What leaves", help_text="Whatever the books owe somebody now, or that is ours.")
    amount = MoneyField(label="Amount (USD)")
    bank_account = forms.ChoiceField(label="From the fiduciary account")
    operating_account = forms.ChoiceField(label="To our account", required=False, help_text="For a draw of ours.")
    reference = forms.CharField(label="Reference the bank will show", max_length=80)
    state = forms.CharField(
        label="State", required=False, max_length=2, help_text="For interest: whose rule lets us keep it."
    )
    reason = forms.CharField(label="Why?", max_length=300)

    def __init__(self, *args: Any, banks: list[BankAccount], owed: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        what = self.fields["what"]
        assert isinstance(what, forms.ChoiceField)
        what.choices = owed
        for name, fund, first in (("bank_account", Fund.TRUST, []), ("operating_account", Fund.OPERATING, [("", "–")])):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = first + [(each.id, str(each)) for each in banks if each.ledger_account.fund == fund]


class RepayForm(forms.Form):
    """What operating pays back into trust."""

    amount = MoneyField(label="Amount (USD)")
    bank_account = forms.ChoiceField(label="To the fiduciary account")
    operating_account = forms.ChoiceField(label="From our account")
    reference = forms.CharField(label="Reference the bank will show", max_length=80)
    reason = forms.CharField(label="Why?", max_length=300)

    def __init__(self, *args: Any, banks: list[BankAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, fund in (("bank_account", Fund.TRUST), ("operating_account", Fund.OPERATING)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(each.id, str(each)) for each in banks if each.ledger_account.fund == fund]


class UndoForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=300, help_text="Kept in the audit trail.")


@dataclass(frozen=True, slots=True)
class Left:
    """What a withdrawal would leave, for its preview."""

    currency: str
    cash_minor: int
    withdrawn_minor: int
    left_minor: int
    floor_minor: int


class TrustPosition(StaffPage, TemplateView):
    """What is in trust, whose it is, and what may leave; with every movement."""

    reads = READ
    template_name = "billing/trust/position.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        filters = DayFilter(self.request.GET if "at" in self.request.GET else {"at": clock.today()})
        at: dt.date | None = filters.value("at") if filters.is_valid() else None
        book = access.visible(self.actor, Book.objects.all()).first()
        found = positions.positions(book.id, at) if book else []
        shown = [(each, positions.warnings(each)) for each in found if each.cash or each.others or each.ours]
        owners = {each.owner for position, _ in shown for each in (*position.cash, *position.others, *position.ours)}
        movements = access.visible(self.actor, TrustMovement.objects.select_related("bank_account"))
        return super().get_context_data(
            filters=filters,
            at=at or clock.today(),
            shown=shown,
            names=queries.owner_names(book, owners) if book else {},
            page=page_of(movements, self.request.GET.get("after", "")),
            titles={code: kind.title for code, kind in CHART.items()},
            can_move=access.may(self.actor, WRITE),
            **kwargs,
        )


class _Form(CommandPage):
    reads = writes = WRITE

    def banks(self) -> list[BankAccount]:
        rows = BankAccount.objects.select_related("ledger_account").order_by("name")
        return list(access.operable(self.actor, rows))

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "banks": self.banks()}


class Withdraw(_Form, PreviewPage):
    """Draw or remit: first what it would leave, then the movement."""

    form_class = WithdrawForm
    template_name = "billing/trust/withdraw.html"
    fields_of = {"amount_minor": "amount", "code": "what", "owner": "what"}

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "owed": self._owed()}

    def _owed(self) -> list[tuple[str, str]]:
        """What may leave, each with whose it is and how much: `code:owner` and words."""
        book = access.operable(self.actor, Book.objects.all()).first()
        if book is None:
            return []
        position = positions.position(book.id, "USD")
        owed = [each for each in (*position.ours, *position.others) if each.code in (*DRAWS, *REMITS)]
        names = queries.owner_names(book, {each.owner for each in owed})
        return [
            (f"{each.code}:{each.owner}", f"{CHART[each.code].title}: {whose}, {Money(each.owed_minor)}")
            for each in owed
            if each.owed_minor > 0
            for whose in [names.get(each.owner, each.owner)]
        ]

    def preview(self, form: WithdrawForm) -> Left:
        before, floor = trust.preview(wanted=_wanted(form), actor=self.actor)
        amount = form.cleaned_data["amount"]
        return Left(before.currency, before.cash_minor, amount, before.cash_minor - amount, floor)

    def run(self, form: WithdrawForm) -> str:
        trust.withdraw(wanted=_wanted(form), reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "It is booked; make the transfer at the bank under that reference.")
        return reverse("billing:trust")


class Repay(_Form):
    """Let operating pay back what trust money bore."""

    form_class = RepayForm
    template_name = "billing/step.html"
    fields_of = {"amount_minor": "amount"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        words = {
            "heading": "Pay back into trust",
            "button": "Book it",
            "says": "Processor fees that were kept out of premium are ours to bear: operating pays them back.",
            "note": "",
            "list": reverse("billing:trust"),
            "list_words": "Trust",
            "back": reverse("billing:trust"),
            "back_words": "Position",
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: RepayForm) -> str:
        data = form.cleaned_data
        trust.repay(
            bank_account_id=data["bank_account"],
            operating_account_id=data["operating_account"],
            amount=Money(data["amount"]),
            reference=data["reference"],
            reason=data["reason"],
            actor=self.actor,
        )
        messages.success(self.request, "It is booked; make the transfer at the bank under that reference.")
        return reverse("billing:trust")


class Undo(CommandPage):
    """Take back a movement that did not happen."""

    reads = writes = WRITE
    form_class = UndoForm
    template_name = "billing/step.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, TrustMovement.objects.all())
        movement = access.get(self.actor, rows, self.kwargs["movement_id"])
        words = {
            "heading": "Undo the movement",
            "button": "Undo it",
            "tone": "button--danger",
            "says": "The books go back to the cent, as if it had not been.",
            "note": str(movement),
            "list": reverse("billing:trust"),
            "list_words": "Trust",
            "back": reverse("billing:trust"),
            "back_words": movement.reference,
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: UndoForm) -> str:
        trust.undo(movement_id=self.kwargs["movement_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "It is undone.")
        return reverse("billing:trust")


def _wanted(form: WithdrawForm) -> Withdrawal:
    data = form.cleaned_data
    code, _, owner = data["what"].partition(":")
    return Withdrawal(
        code=code,
        amount=Money(data["amount"]),
        bank_account_id=data["bank_account"],
        reference=data["reference"],
        owner=owner,
        operating_account_id=data["operating_account"] or None,
        state=data["state"].upper(),
    )
