"""What happens to a payment method: it is blocked, corrected by its bank, validated, or charged for the first time."""

from __future__ import annotations

from typing import Any

from compliance import audit, events, vault
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict, Invalid
from payments import bank_numbers, enrolments, mandates
from payments.method_use import ACH, ACTIVE, BLOCKED, REMOVED, UNVALIDATED
from payments.models import PaymentMethod


class MethodOver(Conflict):
    """The method was removed."""

    code = "method_over"


@step
def block_locked(method: PaymentMethod, reason: str) -> PaymentMethod:
    """Charge a method never again, as its bank or network said: ends its autopays and revokes its mandates.

    Takes:  why, such as ``R10 Customer advises not authorized``. A method that is blocked or removed stays as it is.
    """
    method = PaymentMethod.objects.select_for_update(no_key=True).get(pk=method.pk)
    if method.state in (BLOCKED, REMOVED):
        return method
    before = {"state": method.state}
    method.block()
    method.state_reason = reason[:200]
    method.is_default = False
    method.save(update_fields=["state", "state_reason", "is_default"])
    end_use(method, reason)
    tell("payment_method.blocked", method, before=before, after={"state": method.state}, reason=reason)
    return method


@step
def correct_account(
    method: PaymentMethod,
    *,
    routing_number: str | None = None,
    account_number: str | None = None,
    account_type: str | None = None,
    reason: str,
) -> PaymentMethod:
    """Take over what a notification of change says, before the next entry goes out.

    A changed number of a method whose mandate was given on the web has to be validated again; history holds which
    fields changed, and no number.

    Raises: RoutingNumberWrong, AccountNumberWrong, Invalid (account_type), MethodOver.
    """
    method = PaymentMethod.objects.select_for_update(no_key=True).get(pk=method.pk)
    refuse_over(method)
    if method.kind != ACH or not method.account_sealed:
        raise Invalid("Only a bank account we hold the number of can be corrected.", field="payment_method")
    old = (method.routing_number, vault.open_sealed(method.account_sealed, row_id=method.id), method.account_type)
    new = (
        old[0] if routing_number is None else bank_numbers.routing_number(routing_number),
        old[1] if account_number is None else bank_numbers.account_number(account_number),
        old[2] if account_type is None else account_type,
    )
    if new[2] not in PaymentMethod.AccountType.values:
        raise Invalid("The account is checking or savings.", field="account_type")
    names = ("routing_number", "account_number", "account_type")
    changed = [name for name, was, now in zip(names, old, new, strict=True) if was != now]
    if not changed:
        return method
    method.routing_number, method.account_type = new[0], new[2]
    method.account_sealed = vault.seal(new[1], row_id=method.id)
    method.last4, method.fingerprint = new[1][-4:], fingerprint_of(method.organization_id, new[0], new[1])
    before = {"state": method.state}
    if method.state == ACTIVE and changed != ["account_type"] and _is_web(method):
        method.validate_again()
    method.save(update_fields=["routing_number", "account_sealed", "account_type", "last4", "fingerprint", "state"])
    after = {"changed": changed, "state": method.state}
    tell("payment_method.changed", method, before=before, after=after, reason=reason)
    return method


@step
def remember_network_id(method: PaymentMethod, network_transaction_id: str) -> None:
    """Keep the network's id of a card's first payment, which networks want with every later one."""
    if network_transaction_id and not method.network_transaction_id:
        method.network_transaction_id = network_transaction_id[:80]
        method.save(update_fields=["network_transaction_id"])


@step
def validated_locked(method: PaymentMethod) -> None:
    """A validation passed: the method may be debited on a mandate given on the web."""
    if method.state == UNVALIDATED:
        method.activate()
        method.save(update_fields=["state"])


def refuse_over(method: PaymentMethod) -> None:
    """Raises: MethodOver for a method that was removed."""
    if method.state == REMOVED:
        raise MethodOver("The method was removed; add it anew.", field="payment_method")


@step
def end_use(method: PaymentMethod, reason: str) -> None:
    """End what charges a locked method: its mandates and the autopay by it."""
    mandates.revoke_all_locked(method, reason)
    enrolments.end_for_method_locked(method, reason)


def fingerprint_of(organization_id: str, routing: str, number: str) -> str:
    """A keyed hash of a bank account that tells the same one again within an organization."""
    return vault.fingerprint(f"{routing}:{number.upper()}", scope=organization_id)


@step
def tell(
    type: str,
    method: PaymentMethod,
    *,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Write down what happened to a method; never a number."""
    audit.record(
        action=type,
        object_id=method.id,
        organization_id=method.organization_id,
        before=before,
        after=after,
        reason=reason,
    )
    events.record(
        type=type,
        organization_id=method.organization_id,
        object_id=method.id,
        data={"payment_method": method.id, "party": method.party_id, "kind": method.kind, "state": method.state},
    )


def _is_web(method: PaymentMethod) -> bool:
    return mandates.standing_of(method).filter(sec_code="WEB").exists()
