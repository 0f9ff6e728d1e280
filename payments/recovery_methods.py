"""Who pays what a case is about, and with which other method it may be tried."""

from __future__ import annotations

from collections.abc import Iterator

from coverpay.kernel import clock
from payments import method_use, recovery_limits
from payments.method_use import MethodNotUsable
from payments.models import Autopay, Payment, PaymentMethod, RecoveryCase
from policies.models import Party


def payor_of(case: RecoveryCase) -> Party:
    """The payor of the invoice: of its billing account, or else the insured."""
    return case.invoice.account.payor if case.invoice.account else case.policy.insured


def fallback_of(case: RecoveryCase) -> PaymentMethod | None:
    """The first other method of the payor that may be charged without the payor being there, or None.

    First those enrolled for the policy, then the payor's default, then the newest; none that was charged for the same
    invoices already, whoever did it.
    """
    invoices = recovery_limits.invoice_ids_of(case.payment)
    tried = set(Payment.objects.filter(parts__invoice_id__in=invoices).values_list("payment_method_id", flat=True))
    policies = recovery_limits.policy_ids_of(case.payment)
    for method in _candidates(case):
        if method.id in tried:
            continue
        try:
            method_use.usable(method, on=clock.today(), initiator=Payment.Initiator.RECOVERY, policy_ids=policies)
        except MethodNotUsable:
            continue
        return method
    return None


def _candidates(case: RecoveryCase) -> Iterator[PaymentMethod]:
    enrolled = Autopay.objects.select_related("payment_method", "fallback").filter(
        policy_id=case.policy_id, ended_at__isnull=True
    )
    for autopay in enrolled:
        yield from (method for method in (autopay.payment_method, autopay.fallback) if method is not None)
    usable = PaymentMethod.objects.filter(party=payor_of(case), state=PaymentMethod.State.ACTIVE)
    yield from usable.order_by("-is_default", "-id")
