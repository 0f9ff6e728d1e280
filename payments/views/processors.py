"""Pages about accounts at processors: what they cost, whether they are up, and what a person does with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.forms import Form
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from payments import accounts, health, routes, routing, routing_forms
from payments.gateways import registry
from payments.models import GatewayAccount
from payments.routing import Candidate, Health
from reconciliation.models import BankAccount

P = Permission
EXAMPLE = Money(100_000)
"""The payment whose cost is shown, so that accounts can be compared."""


@dataclass(frozen=True, slots=True)
class Row:
    """One account as its page and the list show it."""

    account: GatewayAccount
    health: Health
    candidate: Candidate | None

    @property
    def state(self) -> tuple[str, str]:
        """Badge and words."""
        if self.account.closed_at is not None:
            return "closed", "Closed"
        if not self.health.up:
            return "failed", "Down"
        return ("pending", "Trying again") if self.health.trial else ("active", "In use")

    @property
    def takes(self) -> str:
        return ", ".join(sorted(self.candidate.capabilities.methods)) if self.candidate else "not installed"

    @property
    def currencies(self) -> str:
        return ", ".join(sorted(self.candidate.capabilities.currencies)) if self.candidate else ""

    @property
    def example_minor(self) -> int | None:
        """What a payment of 1,000.00 costs there."""
        return routing.cost_minor(self.candidate, EXAMPLE) if self.candidate else None


def _rows(found: list[GatewayAccount]) -> list[Row]:
    installed = [account for account in found if account.gateway in registry.names()]
    candidates = {candidate.account_id: candidate for candidate in routes.without_health(installed)}
    now = clock.now()
    return [
        Row(account, health.health_of(getattr(account, "breaker", None), now), candidates.get(account.id))
        for account in found
    ]


class ProcessorList(StaffPage, TemplateView):
    """Every account at a processor, with its health and cost."""

    reads = P.PAYMENTS_READ
    template_name = "payments/processor/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = access.visible(self.actor, GatewayAccount.objects.select_related("breaker", "bank_account"))
        rows = _rows(list(found.order_by("closed_at", "id")))
        can_change = access.may(self.actor, P.ACCESS_WRITE)
        return super().get_context_data(rows=rows, can_change=can_change, example=EXAMPLE, **kwargs)


class ProcessorDetail(StaffPage, TemplateView):
    """One account: what it can do, what it costs, how it fares."""

    reads = P.PAYMENTS_READ
    template_name = "payments/processor/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = GatewayAccount.objects.select_related("breaker", "bank_account")
        account = access.get(self.actor, found, self.kwargs["account_id"])
        row = _rows([account])[0]
        may = access.may(self.actor, P.ACCESS_WRITE) and account.closed_at is None
        verbs = [("bring-back", "Bring it back")] if not row.health.up or row.health.trial else []
        verbs += [("take-down", "Take it down")] if row.health.up else []
        verbs += [("settings", "Change settings"), ("keys", "Change keys"), ("close", "Close it")]
        return super().get_context_data(
            row=row,
            account=account,
            breaker=getattr(account, "breaker", None),
            can=row.candidate.capabilities if row.candidate else None,
            actions=[(reverse(f"payments:processor-{v}", args=[account.id]), w) for v, w in verbs] if may else [],
            hook=reverse("inbound-webhook", args=[account.id]),
            example=EXAMPLE,
            **kwargs,
        )


class NewProcessor(CommandPage):
    """Connect a processor account."""

    reads = writes = P.ACCESS_WRITE
    form_class = routing_forms.NewAccountForm
    template_name = "payments/processor/new.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        banks = access.operable(self.actor, BankAccount.objects.order_by("id"))
        return {**super().get_form_kwargs(), "banks": [(bank.id, str(bank)) for bank in banks]}

    def run(self, form: Any) -> str:
        said = dict(form.cleaned_data)
        account = accounts.open_account(bank_account_id=said.pop("bank_account"), **said, actor=self.actor)
        messages.success(self.request, f"{account} is connected. Name it in the routing table to send payments there.")
        return reverse("payments:processor", args=[account.id])


class ProcessorStep(CommandPage):
    """One thing a person does with a processor account."""

    reads = writes = P.ACCESS_WRITE
    form_class: type[Form] = routing_forms.ReasonForm
    template_name = "billing/step.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    says: ClassVar[str] = ""
    tone: ClassVar[str] = "button--main"
    done: ClassVar[str] = ""

    @property
    def account(self) -> GatewayAccount:
        return access.get(self.actor, GatewayAccount.objects.all(), self.kwargs["account_id"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = self.account
        words = {
            "heading": self.heading,
            "button": self.button,
            "says": self.says,
            "tone": self.tone,
            "note": str(account),
            "list": reverse("payments:processors"),
            "list_words": "Processors",
            "back": reverse("payments:processor", args=[account.id]),
            "back_words": str(account),
        }
        return super().get_context_data(words=words, **kwargs)

    def act(self, account_id: str, said: dict[str, Any]) -> None:
        """Call one command."""
        raise NotImplementedError

    def run(self, form: Any) -> str:
        account_id = self.kwargs["account_id"]
        self.act(account_id, form.cleaned_data)
        messages.success(self.request, self.done)
        return reverse("payments:processor", args=[account_id])


class TakeDown(ProcessorStep):
    heading = "Take it down"
    button = "Take it down"
    says = "Payments go round it until somebody brings it back. It is tried only when every other one is down too."
    tone = "button--danger"
    done = "Payments go round it now."

    def act(self, account_id: str, said: dict[str, Any]) -> None:
        health.take_down(account_id=account_id, reason=said["reason"], actor=self.actor)


class BringBack(ProcessorStep):
    heading = "Bring it back"
    button = "Bring it back"
    says = "Payments go there again at once."
    done = "Payments go there again."

    def act(self, account_id: str, said: dict[str, Any]) -> None:
        health.bring_back(account_id=account_id, reason=said["reason"], actor=self.actor)


class Close(ProcessorStep):
    heading = "Close it"
    button = "Close it"
    says = "It takes no new payments. Webhooks, refunds and payouts of what it has go on. It is not opened again."
    tone = "button--danger"
    done = "It takes no new payments."

    def act(self, account_id: str, said: dict[str, Any]) -> None:
        accounts.close_account(account_id=account_id, reason=said["reason"], actor=self.actor)


class ChangeSettings(ProcessorStep):
    heading = "Change settings"
    button = "Keep these"
    says = "They take the place of all it has."
    done = "The settings are changed."
    form_class = routing_forms.SettingsForm

    def get_initial(self) -> dict[str, Any]:
        return {"settings": routing_forms.settings_as_text(self.account.settings)}

    def act(self, account_id: str, said: dict[str, Any]) -> None:
        accounts.change_settings(account_id=account_id, settings=said["settings"], actor=self.actor)


class ChangeKeys(ProcessorStep):
    heading = "Change keys"
    button = "Keep these"
    says = "The keys that are there are forgotten, and cannot be shown."
    done = "The keys are changed."
    form_class = routing_forms.CredentialsForm

    def act(self, account_id: str, said: dict[str, Any]) -> None:
        accounts.change_credentials(
            account_id=account_id,
            credentials=said["credentials"] or None,
            webhook_secret=said["webhook_secret"],
            actor=self.actor,
        )


STEPS = {
    "take-down": TakeDown,
    "bring-back": BringBack,
    "settings": ChangeSettings,
    "keys": ChangeKeys,
    "close": Close,
}
