"""Its HTTP side: one address, faults around every request, and the tests' own way in."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

from coverpay.demo.processor import control, faults
from coverpay.demo.processor import server as first_processor
from coverpay.demo.processor.server import Handler, Server
from coverpay.demo.processor.store import Store, Thing, shown
from tests.support.card_gateway import books
from tests.support.card_gateway.books import Turned, Wrong

BOM = b"\xef\xbb\xbf"
_OK = {"resultCode": "Ok", "message": [{"code": "I00001", "text": "Successful."}]}
_FAILED = {"resultCode": "Error", "message": [{"code": "E00027", "text": "The transaction was unsuccessful."}]}
_SETTINGS = ("slow_seconds", "hang_seconds")


class Api(first_processor.Api):
    """POST /xml/v1/request.api."""

    def do_POST(self) -> None:  # noqa: N802  (so it is called)
        ((name, asked),) = json.loads(self.body()).items()
        request = asked.get("transactionRequest", {})
        order = request.get("order", {}).get("invoiceNumber", "")
        opaque = request.get("payment", {}).get("opaqueData", {}).get("dataValue", "")
        with self.server.store.transaction():
            whose = f"{asked['merchantAuthentication']['name']} {order}"
            fault = faults.choose(self.server.store, name, whose, {"payment_method": opaque})
        if fault in faults.BEFORE:
            self._broken_before(fault)
            return
        try:
            with self.server.store.transaction():
                answer = _answer(self.server.store, name, asked)
        except Wrong as wrong:
            answer = {"messages": {"resultCode": "Error", "message": [{"code": wrong.code, "text": str(wrong)}]}}
        self._reply(fault, 200, BOM + _json(answer), {})

    def _broken_before(self, fault: str, key: str = "", request: str = "") -> bool:
        if fault == "busy":
            message = [{"code": "E00053", "text": "The server is currently too busy, please try again later."}]
            self.send(200, BOM + _json({"messages": {"resultCode": "Error", "message": message}}), {})
        elif fault == "error_before":
            self.send(500, b"<html>Server Error</html>", {"Content-Type": "text/html"})
        else:
            super()._broken_before(fault, key, request)
        return True


def _answer(store: Store, name: str, asked: Thing) -> Thing:
    """Answer one request. Raises: Wrong."""
    login = asked["merchantAuthentication"]
    account = str(login["name"])
    if login["transactionKey"] != f"key of {account}":
        raise Wrong("E00007", "User authentication failed due to invalid authentication values.")
    if name == "createTransactionRequest":
        try:
            return {"transactionResponse": books.create(store, account, asked), "messages": _OK}
        except Turned as turned:
            errors = [{"errorCode": turned.reason, "errorText": str(turned)}]
            refused = {"responseCode": "3", "transId": "0", "errors": errors}
            return {"transactionResponse": refused, "messages": _FAILED}
    if name == "getTransactionDetailsRequest":
        return {"transaction": books.details(store, account, str(asked["transId"])), "messages": _OK}
    if name == "getSettledBatchListRequest":
        return {"batchList": _batches(store, account, asked), "messages": _OK}
    if name in ("getUnsettledTransactionListRequest", "getTransactionListRequest"):
        rows = books.listed(store, account, str(asked.get("batchId", "")))
        limit, page = int(asked["paging"]["limit"]), int(asked["paging"]["offset"])
        return {
            "transactions": rows[limit * (page - 1) : limit * page],
            "totalNumInResultSet": len(rows),
            "messages": _OK,
        }
    raise Wrong("E00003", f"There is no {name}.")


def _batches(store: Store, account: str, asked: Thing) -> list[Thing]:
    first, last = asked["firstSettlementDate"], asked["lastSettlementDate"]
    span = dt.datetime.fromisoformat(last) - dt.datetime.fromisoformat(first)
    if span > dt.timedelta(days=31):
        raise Wrong("E00003", "The span between the dates is more than 31 days.")
    return [
        {"batchId": row["id"], "settlementTimeUTC": row["settlementTimeUTC"], "settlementState": "settledSuccessfully"}
        for row in reversed(store.all(account, "batch"))
        if first <= row["settlementTimeUTC"] <= last
    ]


def _json(answer: Thing) -> bytes:
    """JSON whose amounts are numbers, as theirs are."""
    marked = json.dumps(shown(answer), default=lambda value: f"<<{value}>>" if isinstance(value, Decimal) else None)
    return marked.replace('"<<', "").replace('>>"', "").encode()


class Control(Handler):
    """The tests' own way in: JSON under any path, never part of the API."""

    def do_POST(self) -> None:  # noqa: N802  (so it is called)
        asked = json.loads(self.body() or "{}")
        wish = self.path.strip("/")
        if wish in ("away", "back"):
            for door in control.DOORS:
                door.close() if wish == "away" else door.reopen()
            self.send(200, b"{}", {})
            return
        with self.server.store.transaction():
            told = _steered(self.server.store, wish, asked)
        self.send(200, json.dumps(told).encode(), {})


def _steered(store: Store, wish: str, asked: dict[str, Any]) -> Any:
    account = asked.get("account", "")
    if wish == "settings":
        for name in _SETTINGS:
            if name in asked:
                store.set(name, asked[name])
        return {}
    if wish == "faults":
        store.run("INSERT INTO fault (place, fault, times) VALUES (?, ?, 1)", asked["place"], asked["fault"])
        return {}
    if wish == "finish":
        return {"moved": books.review(store, account)}
    if wish == "close_day":
        at = dt.datetime.fromisoformat(asked["on"]).replace(hour=8, tzinfo=dt.UTC)
        return {"batch": books.settle(store, account, at)}
    if wish == "totals":
        return {"charges": books.charges(store, account)}
    keys = ("eventType", "eventDate", "payload")
    rows = reversed(store.all(account, "notification"))
    return [json.dumps({"notificationId": row["id"], **{key: row[key] for key in keys}}) for row in rows]


def serve(store: Store, port: int, control_port: int) -> None:
    """Serve until the process ends, having said where."""
    door = control.Door(lambda chosen: Server(chosen, Api, store), port)
    steering = Server(control_port, Control, store)
    control.DOORS.append(door)
    control.announce(f"{door.url}/xml/v1/request.api", steering.url)
    steering.serve_forever()
