"""Money that goes back: refunds, disputes of cards, and returns of bank debits, which Stripe tells as disputes."""

from __future__ import annotations

from typing import Any

from coverpay.demo.processor import balance, behaviours, events
from coverpay.demo.processor.store import Store, Thing
from coverpay.demo.processor.wire import flag, invalid, missing, whole

EVIDENCE_DAYS = 14
_DAY = 86_400


def create_refund(store: Store, account: str, params: dict[str, Any]) -> Thing:
    """Give back a charge, whole or in part. Raises: Refused."""
    charge = _charge(store, account, params)
    open_minor = charge["amount_captured"] - charge["amount_refunded"]
    amount = whole(params, "amount", open_minor or None)
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid("The charge was not taken, so it cannot be refunded.", code="charge_not_refundable")
    if charge["disputed"]:
        raise invalid("The charge has been charged back.", code="charge_disputed")
    if open_minor == 0:
        raise invalid("The charge has already been refunded.", code="charge_already_refunded")
    if amount > open_minor:
        raise invalid("The refund is greater than what is left of the charge.", code="amount_too_large", param="amount")
    behaviour = behaviours.of(charge["_token"])
    assert behaviour is not None
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    store.save(charge)
    refund = store.add(
        account, "re" if charge["id"].startswith("ch") else "pyr", "refund",
        amount=amount, charge=charge["id"], currency=charge["currency"], metadata=params.get("metadata", {}),
        payment_intent=charge["payment_intent"], reason=params.get("reason"), failure_reason=None,
        status="pending" if behaviour.refund == "pending" else "succeeded", _later=behaviour.refund,
    )  # fmt: skip
    balance.move(store, account, "refund", refund, -amount)
    events.tell(store, account, "refund.created", refund)
    events.tell(store, account, "charge.refunded", charge)
    return refund


def _charge(store: Store, account: str, params: dict[str, Any]) -> Thing:
    name = params.get("charge", "")
    if "payment_intent" in params:
        intent = store.find(account, "payment_intent", params["payment_intent"])
        if intent is None:
            raise missing("payment_intent", params["payment_intent"])
        name = intent["latest_charge"] or ""
    charge = store.find(account, "charge", name)
    if charge is None:
        raise missing("charge", name)
    return charge


def finish_refunds(store: Store, account: str) -> int:
    """What time does to refunds: a pending one succeeds, and one that will fail does. Gives how many."""
    moved = 0
    for refund in store.all(account, "refund"):
        if refund["status"] == "pending":
            store.save(refund := refund | {"status": "succeeded"})
            events.tell(store, account, "refund.updated", refund)
        elif refund["_later"] == "fails_later" and refund["status"] == "succeeded":
            refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
            store.save(refund)
            balance.move(store, account, "refund_failure", refund, refund["amount"])
            events.tell(store, account, "refund.failed", refund)
        else:
            continue
        moved += 1
    return moved


def open_dispute(store: Store, account: str, charge: Thing, reason: str) -> Thing:
    """The payor's bank takes a charge back. For a bank debit that is final."""
    final = charge["payment_method_details"]["type"] == "us_bank_account"
    behaviour = behaviours.of(charge["_token"])
    dispute = store.add(
        account, "du" if final else "dp", "dispute",
        amount=charge["amount_captured"], charge=charge["id"], currency=charge["currency"], metadata={},
        payment_intent=charge["payment_intent"], reason=reason, status="lost" if final else "needs_response",
        is_charge_refundable=False, evidence={}, balance_transactions=[],
        network_reason_code=behaviour.network_code if final and behaviour else "10.4",
        payment_method_details=None if final else {"type": "card", "card": {"network_reason_code": "10.4"}},
        evidence_details={"due_by": 0 if final else store.now() + EVIDENCE_DAYS * _DAY, "submission_count": 0},
    )  # fmt: skip
    fee = balance.RETURN_FEE if final else balance.DISPUTE_FEE
    _moved(store, account, dispute, "dispute", -dispute["amount"], fee)
    store.save(charge | {"disputed": True})
    events.tell(store, account, "charge.dispute.created", dispute)
    events.tell(store, account, "charge.dispute.funds_withdrawn", dispute)
    if final:
        events.tell(store, account, "charge.dispute.closed", dispute)
    return dispute


def _moved(store: Store, account: str, dispute: Thing, category: str, amount: int, fee: int = 0) -> None:
    dispute["balance_transactions"].append(balance.move(store, account, category, dispute, amount, fee))
    store.save(dispute)


def dispute_later(store: Store, account: str) -> int:
    """What time does to charges that will be disputed. Gives how many."""
    moved = 0
    for charge in store.all(account, "charge"):
        behaviour = behaviours.of(charge["_token"])
        if behaviour and behaviour.disputed and charge["amount_captured"] and not charge["disputed"]:
            if charge["refunded"]:
                continue
            open_dispute(store, account, charge, behaviour.disputed)
            moved += 1
    return moved


def answer_dispute(store: Store, account: str, name: str, params: dict[str, Any]) -> Thing:
    """Take evidence; `winning_evidence` and `losing_evidence` decide at once, as in Stripe's test mode."""
    dispute = _dispute(store, account, name)
    dispute["evidence"] |= params.get("evidence", {})
    if flag(params, "submit"):
        if dispute["status"] != "needs_response":
            raise invalid("This dispute takes no more evidence.", code="dispute_closed")
        dispute["status"] = "under_review"
        dispute["evidence_details"]["submission_count"] += 1
    store.save(dispute)
    events.tell(store, account, "charge.dispute.updated", dispute)
    word = dispute["evidence"].get("uncategorized_text", "")
    if dispute["status"] == "under_review" and word in ("winning_evidence", "losing_evidence"):
        decide(store, account, name, won=word == "winning_evidence")
    return dispute


def close_dispute(store: Store, account: str, name: str) -> Thing:
    dispute = _dispute(store, account, name)
    if dispute["status"] not in ("needs_response", "warning_needs_response"):
        raise invalid("This dispute is already closed.", code="dispute_closed")
    return decide(store, account, name, won=False)


def decide(store: Store, account: str, name: str, *, won: bool) -> Thing:
    """The payor's bank decides; if for us, the money comes back."""
    dispute = _dispute(store, account, name)
    dispute["status"] = "won" if won else "lost"
    store.save(dispute)
    if won:
        _moved(store, account, dispute, "dispute_reversal", dispute["amount"])
        events.tell(store, account, "charge.dispute.funds_reinstated", dispute)
    events.tell(store, account, "charge.dispute.closed", dispute)
    return dispute


def _dispute(store: Store, account: str, name: str) -> Thing:
    dispute = store.find(account, "dispute", name)
    if dispute is None:
        raise missing("dispute", name)
    return dispute
