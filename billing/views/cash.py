"""Pages about received money: one receipt and what it covers, and money that nobody has placed yet."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.views.generic import TemplateView

from billing import distributions, suspense, worklists
from billing.forms import PlaceForm, ReasonForm, SuspenseFilters, TransferForm, UnapplyForm
from billing.models import CashTransfer, Receipt, SuspenseItem
from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage, CommandPage, FilterForm, ListPage
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from policies.models import Policy

P = Permission


class ReceiptDetail(StaffPage, TemplateView):
    """One receipt: what it covers, line by line, what was taken back, and what waits."""

    reads = P.BILLING_READ
    template_name = "billing/receipt/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        receipt = access.get(self.actor, worklists.receipts(), self.kwargs["receipt_id"])
        applications = list(receipt.applications.select_related("line__invoice", "reversed_by").order_by("id"))
        transfers = list(receipt.transfers_out.select_related("to_receipt__policy", "to_receipt__reversal"))
        applied = sum(row.amount_minor for row in applications)
        moved = sum(row.amount_minor for row in transfers if not hasattr(row.to_receipt, "reversal"))
        paid_out = list(receipt.cash_outs.order_by("id"))
        gone = sum(row.amount_minor for row in paid_out)
        back = hasattr(receipt, "reversal")
        operates = access.operable(self.actor, Policy.objects.filter(pk=receipt.policy_id)).exists()
        return super().get_context_data(
            receipt=receipt,
            applications=applications,
            transfers=transfers,
            applied_minor=applied,
            paid_out=paid_out,
            waiting_minor=0 if back else receipt.amount_minor - applied - moved - gone,
            taken_back=back,
            carried_here=CashTransfer.objects.filter(to_receipt=receipt).select_related("from_receipt__policy").first(),
            can_act=operates and access.may(self.actor, P.CASH_WRITE) and not back,
            **kwargs,
        )


class Apply(ActionPage):
    """Apply what waits of a receipt to whatever is open."""

    reads = writes = P.CASH_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        distributions.apply(receipt_id=kwargs["receipt_id"], actor=self.actor)
        return "What waited is applied, as far as anything was open."

    def back(self, **kwargs: str) -> str:
        return reverse("billing:receipt", args=[kwargs["receipt_id"]])


class ReceiptStep(CommandPage):
    """One thing done to a receipt, with a reason."""

    reads = writes = P.CASH_WRITE
    template_name = "billing/step.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    says: ClassVar[str] = ""
    fields_of: ClassVar[dict[str, str]] = {"receipt": ""}

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self._receipt: Receipt | None = None

    @property
    def receipt(self) -> Receipt:
        """The receipt, read once a request. Raises: NotFound."""
        if self._receipt is None:
            rows = access.operable(self.actor, worklists.receipts())
            self._receipt = access.get(self.actor, rows, self.kwargs["receipt_id"])
        return self._receipt

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        receipt = self.receipt
        words = {
            "heading": self.heading,
            "button": self.button,
            "says": self.says,
            "note": f"{Money(receipt.amount_minor, receipt.currency)} received on {receipt.received_on} "
            f"from {receipt.policy.insured.name}",
            "list": reverse("policy", args=[receipt.policy_id]),
            "list_words": receipt.policy.number,
            "back": reverse("billing:receipt", args=[receipt.id]),
            "back_words": "Receipt",
        }
        return super().get_context_data(words=words, **kwargs)

    def done(self, words: str) -> str:
        messages.success(self.request, words)
        return reverse("billing:receipt", args=[self.receipt.id])


class Unapply(ReceiptStep):
    """Take applications of a receipt back."""

    form_class = UnapplyForm
    heading, button = "Un-apply", "Take it back"
    says = "The lines are open again and the cash waits; the history is kept."
    fields_of = {"receipt": "", "application_ids": "applications"}

    def get_form_kwargs(self) -> dict[str, Any]:
        rows = self.receipt.applications.filter(reverses__isnull=True, reversed_by__isnull=True)
        choices = [
            (row.id, f"{Money(row.amount_minor, self.receipt.currency)} on {row.line.description}")
            for row in rows.select_related("line").order_by("id")
        ]
        return {**super().get_form_kwargs(), "applications": choices}

    def run(self, form: UnapplyForm) -> str:
        data = form.cleaned_data
        distributions.unapply(
            receipt_id=self.receipt.id,
            reason=data["reason"],
            application_ids=data["applications"],
            actor=self.actor,
        )
        return self.done("The cash is taken back and waits to be applied again.")


class Transfer(ReceiptStep):
    """Carry unapplied cash to another policy."""

    form_class = TransferForm
    heading, button = "Transfer to another policy", "Carry it over"
    says = "Unapplied cash goes to another policy of ours by journal and covers what is open there; no cash moves."
    fields_of = {"receipt": "", "to_policy": "policy", "amount_minor": "amount"}

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "currency": self.receipt.currency}

    def run(self, form: TransferForm) -> str:
        data = form.cleaned_data
        amount = None if data["amount"] is None else Money(data["amount"], self.receipt.currency)
        target = policy_by_number(self.actor, data["policy"])
        distributions.transfer(
            receipt_id=self.receipt.id, to_policy_id=target.id, amount=amount, reason=data["reason"], actor=self.actor
        )
        return self.done(f"Carried to policy {target.number}.")


class BringBack(ReceiptStep):
    """Bring cash that was carried here back to the policy it came from."""

    form_class = ReasonForm
    heading, button = "Take the transfer back", "Bring it back"
    says = "What it covers here is open again; the cash waits unapplied on the policy it came from."

    def run(self, form: ReasonForm) -> str:
        found = CashTransfer.objects.filter(to_receipt=self.receipt).first()
        if found is None:
            raise Invalid("This cash was not carried here from another policy.", field="receipt")
        distributions.take_transfer_back(transfer_id=found.id, reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done("The cash is back on the policy it came from.")


def policy_by_number(actor: Actor, number: str) -> Policy:
    """A policy the actor's organization operates, by its number or id. Raises: Invalid."""
    rows = access.operable(actor, Policy.objects.all())
    found = rows.filter(Q(number__iexact=number.strip()) | Q(pk=number.strip())).first()
    if found is None:
        raise Invalid(f"There is no policy {number!r} of yours.", field="policy")
    return found


class SuspenseDetail(CommandPage):
    """One deposit, whose it may be, and the form that places it."""

    reads = P.BILLING_READ
    writes = P.CASH_WRITE
    form_class = PlaceForm
    template_name = "billing/suspense/detail.html"
    fields_of = {"suspense_item": "", "reason": "reason"}

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self._item: SuspenseItem | None = None

    @property
    def item(self) -> SuspenseItem:
        """The item, read once a request. Raises: NotFound."""
        if self._item is None:
            self._item = access.get(self.actor, worklists.suspense(), self.kwargs["item_id"])
        return self._item

    def get_initial(self) -> dict[str, Any]:
        return {"policy": self.request.GET.get("policy", self._own_policy())}

    def _own_policy(self) -> str:
        """The policy that a held payment came for."""
        held = self.item.receipt if self.item.why == SuspenseItem.Why.AFTER_CANCELLATION else None
        return held.policy.number if held else ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        waits = self.item.state == SuspenseItem.State.OPEN
        operates = access.operable(self.actor, SuspenseItem.objects.filter(pk=self.item.pk)).exists()
        may = operates and access.may(self.actor, P.CASH_WRITE)
        return super().get_context_data(
            item=self.item,
            suggestions=suspense.suggestions_for(self.actor, self.item.id) if waits else [],
            can_act=may and waits,
            can_undo=may and self.item.state == SuspenseItem.State.PLACED,
            **kwargs,
        )

    def run(self, form: PlaceForm) -> str:
        data = form.cleaned_data
        target = policy_by_number(self.actor, data["policy"])
        suspense.place(item_id=self.item.id, policy_id=target.id, reason=data["reason"], actor=self.actor)
        messages.success(self.request, f"Placed on policy {target.number}.")
        return reverse("billing:suspense-item", args=[self.item.id])


class SuspenseStep(CommandPage):
    """Send a deposit back, or undo a placing."""

    reads = writes = P.CASH_WRITE
    form_class = ReasonForm
    template_name = "billing/step.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    says: ClassVar[str] = ""
    fields_of = {"suspense_item": ""}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, worklists.suspense())
        item = access.get(self.actor, rows, self.kwargs["item_id"])
        words = {
            "heading": self.heading,
            "button": self.button,
            "says": self.says,
            "note": f"{Money(item.amount_minor, item.currency)} of {item.payor_name or 'an unknown payor'}",
            "list": reverse("billing:suspense"),
            "list_words": "Suspense",
            "back": reverse("billing:suspense-item", args=[item.id]),
            "back_words": item.payor_name or "Unknown payor",
        }
        return super().get_context_data(words=words, **kwargs)

    def done(self, words: str) -> str:
        messages.success(self.request, words)
        return reverse("billing:suspense-item", args=[self.kwargs["item_id"]])


class ReturnToSender(SuspenseStep):
    """Send a deposit back that is nobody's here."""

    heading, button = "Return to sender", "Send it back"
    says = "The money leaves the trust account again. Whether the bank sent it is seen on the statement."

    def run(self, form: ReasonForm) -> str:
        suspense.return_to_sender(item_id=self.kwargs["item_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done("The deposit goes back to its sender.")


class UndoPlacing(SuspenseStep):
    """Take a wrong placing back."""

    heading, button = "Undo the placing", "Take it out again"
    says = "Every balance is as it was before, and the deposit waits again."

    def run(self, form: ReasonForm) -> str:
        suspense.undo(item_id=self.kwargs["item_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done("The placing is undone; the deposit waits again.")


class SuspenseList(ListPage):
    """Money that waits for a person to say whose it is."""

    reads = P.BILLING_READ
    template_name = "billing/suspense/list.html"
    filters = SuspenseFilters

    def rows(self, filters: FilterForm) -> QuerySet[SuspenseItem]:
        return worklists.suspense(filters.value("show") or "", filters.value("q") or "")
