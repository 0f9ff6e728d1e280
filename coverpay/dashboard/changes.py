"""More pages that change a policy: reinstate, rewrite, renew, audit, undo; each with its preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.urls import reverse

from coverpay.dashboard.forms import AuditForm, ReinstateForm, RenewalForm, RewriteForm, UndoForm
from coverpay.dashboard.lifecycle import PolicyAction
from coverpay.dashboard.previews import Amount, Preview, derived, of_draft
from coverpay.kernel import clock
from policies import audits, reinstatements, renewals, reversals, rewrites
from policies.audits import AuditRequest
from policies.models import Cancellation, Component, Transaction
from policies.rating import RatedCharge
from policies.reinstatements import ReinstatementRequest
from policies.renewals import RenewalRequest
from policies.rewrites import RewriteRequest


class Reinstate(PolicyAction):
    """Let a cancelled policy go on, with or without a gap."""

    form_class = ReinstateForm
    heading, button = "Reinstate", "Reinstate the policy"
    fields_of = {"effective_on": "reinstate_on"}

    def get_initial(self) -> dict[str, Any]:
        ended = self._ended()
        return {"reinstate_on": ended.effective_on if ended else clock.today()}

    def asked(self, form: ReinstateForm) -> ReinstatementRequest:
        data = form.cleaned_data
        return ReinstatementRequest(data["reinstate_on"], data["reason"], data["no_loss"])

    def preview(self, form: ReinstateForm) -> Preview:
        asked = self.asked(form)
        drafted = reinstatements.preview(policy_id=self.policy.id, request=asked, actor=self.actor)
        shown, ended = of_draft(self.actor, self.policy, drafted, restores=True), self._ended()
        days = (asked.effective_on - ended.effective_on).days if ended else 0
        words = f"{days} day{'' if days == 1 else 's'}, from {ended.effective_on}" if ended and days else "none"
        return replace(shown, facts=[("Days without cover", words)])

    def _ended(self) -> Cancellation | None:
        rows = Cancellation.objects.filter(term__policy=self.policy, state=Cancellation.State.EFFECTIVE)
        return rows.order_by("-id").first()

    def run(self, form: ReinstateForm) -> str:
        asked = self.asked(form)
        reinstatements.reinstate(policy_id=self.policy.id, request=asked, actor=self.actor)
        return self.done(f"Reinstated; cover goes on from {asked.effective_on}.")


class Rewrite(PolicyAction):
    """Cancel the policy and bind another in its place; what was paid goes along."""

    form_class = RewriteForm
    heading, button = "Cancel and rewrite", "Cancel and rewrite"
    note = "money paid in excess is carried over by journal; no cash moves"
    fields_of = {"premium_minor": "premium", "amount": "premium"}

    def get_initial(self) -> dict[str, Any]:
        last = self.policy.terms.order_by("-number")[0]
        return {"effective_on": clock.today(), "plan": last.plan_code, "number": f"{self.policy.number}-R"}

    def asked(self, form: RewriteForm) -> RewriteRequest:
        data = form.cleaned_data
        return RewriteRequest(
            effective_on=data["effective_on"],
            term=data["term"],
            number=data["number"],
            premium_minor=data["premium"],
            reason=data["reason"],
            plan=data["plan"],
        )

    def preview(self, form: RewriteForm) -> Preview:
        drafted = rewrites.preview(policy_id=self.policy.id, request=self.asked(form), actor=self.actor)
        shown = of_draft(self.actor, self.policy, drafted.cancelled, ends=True)
        new = sum(charge.amount.amount_minor for charge in drafted.charges)
        return replace(
            shown,
            others=_amounts(drafted.charges, shown.currency),
            others_title=f"New policy, {drafted.effective_on} to {drafted.expires_on}",
            others_minor=new,
        )

    def run(self, form: RewriteForm) -> str:
        new = rewrites.rewrite(policy_id=self.policy.id, request=self.asked(form), actor=self.actor)
        messages.success(self.request, f"{self.policy.number} is cancelled and rewritten as {new.number}.")
        return reverse("policy", args=[new.id])


class OfferRenewal(PolicyAction):
    """Offer the next term; it is taken by payment or by word."""

    form_class = RenewalForm
    heading, button = "Offer renewal", "Offer the renewal"
    note = "nothing is owed until it is taken"
    fields_of = {"premium_minor": "premium"}

    def get_initial(self) -> dict[str, Any]:
        return {"plan": self.policy.terms.order_by("-number")[0].plan_code}

    def asked(self, form: RenewalForm) -> RenewalRequest:
        data = form.cleaned_data
        return RenewalRequest(data["premium"], data["plan"], data["expires_on"])

    def preview(self, form: RenewalForm) -> Preview:
        drafted = renewals.preview(policy_id=self.policy.id, request=self.asked(form), actor=self.actor)
        currency = self.policy.program.currency
        return Preview(
            currency=currency,
            effective_on=drafted.effective_on,
            figures=[],
            charges=_amounts(drafted.charges, currency),
            total_minor=sum(charge.amount.amount_minor for charge in drafted.charges),
            facts=[
                ("Next term", f"{drafted.effective_on} to {drafted.expires_on}"),
                ("Program terms", str(drafted.version)),
                ("Plan", drafted.plan),
            ],
        )

    def run(self, form: RenewalForm) -> str:
        term = renewals.offer(policy_id=self.policy.id, request=self.asked(form), actor=self.actor)
        return self.done(f"Renewal from {term.effective_on} is offered.")


class Audit(PolicyAction):
    """Charge or return what a premium audit found."""

    form_class = AuditForm
    heading, button = "Premium audit", "Write the audit"
    fields_of = {"audited_minor": "audited", "premium": "audited", "term": ""}

    def asked(self, form: AuditForm) -> AuditRequest:
        return AuditRequest(form.cleaned_data["audited"], form.cleaned_data["reason"])

    def preview(self, form: AuditForm) -> Preview:
        drafted = audits.preview(policy_id=self.policy.id, request=self.asked(form), actor=self.actor)
        return of_draft(self.actor, self.policy, drafted)

    def run(self, form: AuditForm) -> str:
        audits.audit(policy_id=self.policy.id, request=self.asked(form), actor=self.actor)
        return self.done("The audit is written; the bills follow it.")


class Undo(PolicyAction):
    """Take back a transaction that was wrong, by a reversing one."""

    form_class = UndoForm
    heading, button, tone = "Undo a transaction of", "Undo it", "button--danger"
    note = "history is kept; a reversing transaction is written"
    fields_of = {"transaction_id": "transaction"}

    def get_form_kwargs(self) -> dict[str, Any]:
        rows = Transaction.objects.filter(term__policy=self.policy, reversed_by__isnull=True)
        kinds = [Transaction.Kind.ENDORSEMENT, Transaction.Kind.AUDIT, Transaction.Kind.CANCELLATION]
        found = rows.filter(kind__in=kinds).order_by("-id")
        choices = [(row.id, f"{row.sequence}. {row.get_kind_display()} of {row.effective_on}") for row in found]
        return {**super().get_form_kwargs(), "choices": choices}

    def get_initial(self) -> dict[str, Any]:
        return {"transaction": self.request.GET.get("transaction", "")}

    def preview(self, form: UndoForm) -> Preview:
        wrong = form.cleaned_data["transaction"]
        drafted = reversals.preview(policy_id=self.policy.id, transaction_id=wrong, actor=self.actor)
        return of_draft(self.actor, self.policy, drafted)

    def run(self, form: UndoForm) -> str:
        data = form.cleaned_data
        reversals.undo(
            policy_id=self.policy.id, transaction_id=data["transaction"], reason=data["reason"], actor=self.actor
        )
        return self.done("The transaction is undone; every figure is as it was before it.")


def _amounts(charges: Sequence[RatedCharge], currency: str) -> list[Amount]:
    return [
        Amount(
            Component(charge.component).label,
            charge.amount.amount_minor,
            [derived(charge.amount.amount_minor, charge.why, currency)],
        )
        for charge in charges
    ]
