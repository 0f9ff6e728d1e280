"""Its transactions: sold, held, captured, voided, refunded, settled by night in batches."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from coverpay.demo.processor.store import Store, Thing

DECLINES = {
    "nonce_declined": ("2", "2", "This transaction has been declined."),
    "nonce_call": ("2", "3", "This transaction has been declined."),
    "nonce_pickup": ("2", "4", "This transaction has been declined."),
    "nonce_expired": ("3", "8", "The credit card has expired."),
    "nonce_error": ("3", "19", "An error occurred during processing. Please try again in 5 minutes."),
}
HELD = {"nonce_held": "capturedPendingSettlement", "nonce_held_declined": "declined"}
PARTLY = "nonce_prepaid"
PARTLY_LESS = Decimal("1.00")
TAKES = frozenset({"nonce_ok", "nonce_mastercard", PARTLY, *HELD})
_FIRST = 60_000_000_000


class Wrong(Exception):
    """A request that is turned down as it is: a message code and its words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Turned(Exception):
    """A transaction that is turned down: its reason code and words."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def create(store: Store, account: str, body: Thing) -> Thing:
    """One transaction request. Gives its `transactionResponse`. Raises: Wrong, Turned."""
    asked = body["transactionRequest"]
    acts = {
        "authCaptureTransaction": _charge,
        "authOnlyTransaction": _charge,
        "priorAuthCaptureTransaction": _capture,
        "voidTransaction": _void,
        "refundTransaction": _refund,
    }
    if asked["transactionType"] not in acts:
        raise Wrong("E00003", "The element 'transactionType' is invalid.")
    return acts[asked["transactionType"]](store, account, asked, str(body.get("refId", "")))


def _charge(store: Store, account: str, asked: Thing, ref_id: str) -> Thing:
    token = token_of(asked)
    if token not in TAKES and token not in DECLINES:
        raise Wrong("E00114", "Invalid OTS Token.")
    _no_duplicate(store, account, asked)
    amount = Decimal(asked["amount"])
    code, reason, text = DECLINES.get(token, ("1", "1", "This transaction has been approved."))
    only = asked["transactionType"] == "authOnlyTransaction"
    status = "declined" if code != "1" else "authorizedPendingCapture" if only else "capturedPendingSettlement"
    if token in HELD:
        code, status = "4", "FDSPendingReview"
    took = amount - PARTLY_LESS if token == PARTLY else amount
    made = _add(
        store, account, asked, ref_id, transactionStatus=status, responseReasonCode=reason,
        responseReasonDescription=text, authAmount=str(took), settleAmount="0.00" if only else str(took),
        cardNumber="XXXX1111", _token=token, networkTransId=f"NTI{store.count('networks'):06d}" if code == "1" else "",
    )  # fmt: skip
    tell(store, account, made, "authorization.created" if only else "authcapture.created", code)
    answer = _response(made, code, reason, text)
    if token == PARTLY:
        answer["prePaidCard"] = {"requestedAmount": str(amount), "approvedAmount": str(took)}
    return answer


def _capture(store: Store, account: str, asked: Thing, ref_id: str) -> Thing:
    held = _named(store, account, asked)
    if held["transactionStatus"] != "authorizedPendingCapture":
        raise Turned("33", "A valid referenced transaction ID is required.")
    amount = Decimal(asked.get("amount", held["authAmount"]))
    if amount > Decimal(held["authAmount"]):
        raise Turned("47", "The amount requested for settlement cannot be greater than the original amount authorized.")
    held |= {"transactionStatus": "capturedPendingSettlement", "settleAmount": str(amount), "refId": ref_id}
    store.save(held)
    tell(store, account, held, "priorAuthCapture.created", "1", amount=str(amount))
    return _response(held, "1", "1", "This transaction has been approved.")


def _void(store: Store, account: str, asked: Thing, ref_id: str) -> Thing:
    made = _named(store, account, asked)
    if made["transactionStatus"] != "voided":
        if made["_batch"] or made["transactionStatus"] == "declined":
            raise Turned("16", "The transaction cannot be found.")
        made |= {"transactionStatus": "voided", "settleAmount": "0.00"}
        store.save(made)
        tell(store, account, made | {"refId": ref_id}, "void.created", "1")
    return _response(made, "1", "310", "This transaction has already been voided.")


def _refund(store: Store, account: str, asked: Thing, ref_id: str) -> Thing:
    sold = _named(store, account, asked)
    _no_duplicate(store, account, asked)
    if sold["transactionStatus"] != "settledSuccessfully":
        raise Turned("54", "The referenced transaction does not meet the criteria for issuing a credit.")
    amount = Decimal(asked["amount"])
    given = [row for row in _all(store, account) if row["_of"] == sold["transId"]]
    if amount + sum((Decimal(row["settleAmount"]) for row in given), Decimal(0)) > Decimal(sold["settleAmount"]):
        raise Turned("55", "The sum of credits against the referenced transaction would exceed original debit amount.")
    made = _add(
        store, account, asked, ref_id, transactionStatus="refundPendingSettlement", responseReasonCode="1",
        responseReasonDescription="", authAmount=str(amount), settleAmount=str(amount), cardNumber="XXXX1111",
        networkTransId="", _token="", _of=sold["transId"],
    )  # fmt: skip
    tell(store, account, made, "refund.created", "1")
    return _response(made, "1", "1", "This transaction has been approved.")


def settle(store: Store, account: str, at: dt.datetime) -> str:
    """Their night: all that is pending settles in one batch. Gives its number; empty without one."""
    ends = {
        "capturedPendingSettlement": "settledSuccessfully",
        "refundPendingSettlement": "refundSettledSuccessfully",
        "declined": "declined",
        "voided": "voided",
    }
    due = [row for row in _all(store, account) if not row["_batch"] and row["transactionStatus"] in ends]
    if not due:
        return ""
    batch = store.add(account, "bat", "batch", settlementTimeUTC=at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    for row in due:
        row |= {"transactionStatus": ends[row["transactionStatus"]], "_batch": batch["id"]}
        store.save(row)
    return str(batch["id"])


def review(store: Store, account: str) -> int:
    """Somebody looks at what is held for review. Gives how many."""
    held = [row for row in _all(store, account) if row["transactionStatus"] == "FDSPendingReview"]
    for row in held:
        row["transactionStatus"] = HELD[row["_token"]]
        approved = row["transactionStatus"] != "declined"
        row["settleAmount"] = row["authAmount"] if approved else "0.00"
        store.save(row)
        tell(store, account, row, "fraud.approved" if approved else "fraud.declined", "1" if approved else "2")
    return len(held)


def charges(store: Store, account: str) -> list[Thing]:
    """What was sold or held, declines left out: reference, and what of it is captured, in cents."""
    sold = [row for row in _all(store, account) if not row["_of"] and row["transactionStatus"] != "declined"]
    taken = ("capturedPendingSettlement", "settledSuccessfully")
    return [
        {
            "reference": row["description"],
            "taken": int(Decimal(row["settleAmount"]) * 100) if row["transactionStatus"] in taken else 0,
        }
        for row in sold
    ]


def details(store: Store, account: str, name: str) -> Thing:
    """One transaction in full. Raises: Wrong."""
    row = _by_name(store, account, name)
    if row is None:
        raise Wrong("E00040", "The record cannot be found.")
    keys = ("transId", "refTransId", "submitTimeUTC", "transactionType", "transactionStatus", "responseReasonCode",
            "responseReasonDescription", "authAmount", "settleAmount", "networkTransId")  # fmt: skip
    return {
        **{key: row[key] for key in keys if row.get(key)},
        "authAmount": Decimal(row["authAmount"]),
        "settleAmount": Decimal(row["settleAmount"]),
        "order": {"invoiceNumber": row["invoiceNumber"], "description": row["description"]},
        "payment": {"creditCard": {"cardNumber": row["cardNumber"], "expirationDate": "XXXX", "cardType": "Visa"}},
    }


def listed(store: Store, account: str, batch: str) -> list[Thing]:
    """A batch's transactions, or those that have not settled; newest first."""
    keys = ("transId", "submitTimeUTC", "transactionStatus", "invoiceNumber")
    return [
        {**{key: row[key] for key in keys}, "settleAmount": Decimal(row["settleAmount"])}
        for row in _all(store, account)
        if row["_batch"] == batch
    ]


def token_of(asked: Thing) -> str:
    """What is charged, without the fault its name may carry."""
    data = asked.get("payment", {}).get("opaqueData", {}).get("dataValue", "")
    profile = asked.get("profile", {}).get("paymentProfile", {}).get("paymentProfileId", "")
    return str(data or profile).partition("__")[0]


def tell(store: Store, account: str, row: Thing, event: str, code: str, amount: str = "") -> None:
    """Keep a notification to be sent."""
    store.add(
        account, "ntf", "notification", eventType=f"net.authorize.payment.{event}", eventDate="2026-02-02T15:00:00.1Z",
        payload={
            "responseCode": int(code), "authAmount": amount or row["authAmount"], "entityName": "transaction",
            "merchantReferenceId": row["refId"], "invoiceNumber": row["invoiceNumber"], "id": row["transId"],
        },
    )  # fmt: skip


def _add(store: Store, account: str, asked: Thing, ref_id: str, **facts: Any) -> Thing:
    order = asked.get("order", {})
    made = store.add(
        account, "trx", "transaction", transId=str(_FIRST + store.count("transactions")),
        refTransId=asked.get("refTransId", ""), transactionType=asked["transactionType"], refId=ref_id,
        invoiceNumber=str(order.get("invoiceNumber", ""))[:20], description=str(order.get("description", ""))[:255],
        submitTimeUTC=dt.datetime.fromtimestamp(store.now(), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **{"_batch": "", "_of": "", "_amount": asked["amount"], **facts},
    )  # fmt: skip
    store.run("UPDATE thing SET id = ? WHERE id = ?", f"{account}/{made['transId']}", made["id"])
    made["id"] = f"{account}/{made['transId']}"
    store.save(made)
    return made


def _no_duplicate(store: Store, account: str, asked: Thing) -> None:
    """Within its window, the same invoice number and amount is turned down. Raises: Turned."""
    settings = asked.get("transactionSettings", {}).get("setting", [])
    window = next((int(row["settingValue"]) for row in settings if row["settingName"] == "duplicateWindow"), 120)
    number = str(asked.get("order", {}).get("invoiceNumber", ""))[:20]
    for row in _all(store, account):
        same = (row["invoiceNumber"], row["_amount"], row["transactionType"]) == (
            number, asked["amount"], asked["transactionType"],
        )  # fmt: skip
        if same and row["transactionStatus"] != "declined" and store.now() - row["created"] < window:
            raise Turned("11", "A duplicate transaction has been submitted.")


def _named(store: Store, account: str, asked: Thing) -> Thing:
    row = _by_name(store, account, str(asked.get("refTransId", "")))
    if row is None:
        raise Turned("16", "The transaction cannot be found.")
    return row


def _by_name(store: Store, account: str, name: str) -> Thing | None:
    return store.find(account, "transaction", f"{account}/{name}")


def _all(store: Store, account: str) -> list[Thing]:
    return store.all(account, "transaction")


def _response(row: Thing, code: str, reason: str, text: str) -> Thing:
    said = {"code": reason, "description": text}
    return {
        "responseCode": code,
        "transId": row["transId"],
        "refTransID": row["refTransId"],
        "accountNumber": row["cardNumber"],
        "accountType": "Visa",
        "networkTransId": row["networkTransId"],
        **({"messages": [said]} if code in ("1", "4") else {"errors": [{"errorCode": reason, "errorText": text}]}),
    }
