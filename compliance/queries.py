"""Reads of people, keys, permits, rules and the audit trail for pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from compliance import access
from compliance.models import ApiKey, AuditEntry, Membership, Moratorium, Permit
from compliance.rules import lookup
from compliance.rules.lookup import Ruled
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor


def members_of(actor: Actor) -> QuerySet[Membership]:
    """The members of the actor's organization."""
    rows = Membership.objects.select_related("user", "organization").order_by("organization__name", "user__email")
    return access.visible(actor, rows)


def keys_of(actor: Actor) -> list[ApiKey]:
    """The keys of the actor's organization, newest first, each with `state`: active, expired or revoked."""
    keys = list(access.visible(actor, ApiKey.objects.select_related("organization")).order_by("-id"))
    now = clock.now()
    for key in keys:
        expired = "expired" if key.expires_at <= now else "active"
        key.state = "revoked" if key.revoked_at else expired  # type: ignore[attr-defined]
    return keys


def audit_listed(text: str = "") -> QuerySet[AuditEntry]:
    """Audit entries about an object, by an actor, or of an action."""
    rows = AuditEntry.objects.select_related("organization")
    if not text:
        return rows
    return rows.filter(
        Q(object_id=text)
        | Q(actor_id=text)
        | Q(actor_label__icontains=text)
        | Q(action__istartswith=text)
        | Q(request_id=text)
    )


def permits_listed(state: str = "") -> QuerySet[Permit]:
    """Permits in a state: those that wait for someone when none is named, every one for ``all``."""
    return Permit.objects.all() if state == "all" else Permit.objects.filter(state=state or Permit.State.REQUESTED)


def with_askers(actor: Actor, permits: Iterable[Permit]) -> list[Permit]:
    """Permits, each with `own`: asked for by the actor or a key they made, so that someone else must decide."""
    made = AuditEntry.objects.filter(action="api_key.issue", actor_id=actor.id).values_list("object_id", flat=True)
    hands = {actor.id, *made}
    found = list(permits)
    for permit in found:
        permit.own = permit.requested_by in hands  # type: ignore[attr-defined]
    return found


def moratoriums_listed() -> QuerySet[Moratorium]:
    """Every moratorium; `over` on a page is told by its days."""
    return Moratorium.objects.all()


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the rules page: its words, the rule, and what it is asked with."""

    words: str
    rule: str
    conditions: Mapping[str, str]
    line: str = ""
    market: str = ""


_INSURER, _INSURED = {"initiator": "insurer"}, {"initiator": "insured"}
QUESTIONS = (
    Asked("Notice before cancelling for non-payment", "noc_nonpay_days", {**_INSURER, "reason": "nonpayment"}),
    Asked("Notice for another reason", "noc_other_reason_days", {**_INSURER, "reason": "other_permitted"}),
    Asked("Days that count as new business", "underwriting_period_days", {}),
    Asked("Days added for the mail", "noc_mail_days_added", {}),
    Asked("Proof of mailing", "noc_mailing_proof", {}),
    Asked("Payment within the notice undoes it", "payment_within_notice_rescinds", {}),
    Asked("Return premium when the insured cancels", "return_premium_deadline", _INSURED),
    Asked("Return premium when the insurer cancels", "return_premium_deadline", _INSURER),
    Asked("Grace", "grace_period_days", {}),
    Asked("Most a late fee may be", "late_fee_cap", {}),
    Asked("Most an installment fee may be", "installment_fee_cap", {}),
    Asked("Most a returned payment fee may be", "returned_payment_fee_cap", {}, line="general_commerce"),
    Asked("Surplus lines tax", "sl_tax_rate", {}, line="all_pc", market="surplus"),
    Asked("Stamping fee", "sl_stamping_fee_rate", {}, line="all_pc", market="surplus"),
    Asked("Fees of ours are taxed", "sl_tax_base_includes_fees", {}, line="all_pc", market="surplus"),
    Asked("Tax comes back with return premium", "sl_return_premium_refunds_tax", {}, line="all_pc", market="surplus"),
)


def rules_of(
    organization_id: str, *, state: str, line: str, admitted: str, on: dt.date
) -> list[tuple[Asked, Ruled, str]]:
    """What each rule of the page comes to in a state, and its conditions as the decision form reads them."""
    found = []
    for asked in QUESTIONS:
        ruled = lookup.lookup(
            organization_id,
            asked.rule,
            jurisdiction=state,
            line=asked.line or line,
            admitted=asked.market or admitted,
            on=on,
            conditions=asked.conditions,
        )
        market = {} if asked.market or ruled.fact_id else {"admitted": admitted}
        limits = {**asked.conditions, **market}
        found.append((asked, ruled, ", ".join(f"{name}={value}" for name, value in limits.items())))
    return found
