"""Which function answers which request of the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from coverpay.demo.processor import balance, events, intents, methods, reversals
from coverpay.demo.processor.store import Store, Thing
from coverpay.demo.processor.wire import invalid, listed, missing

Answer = Callable[[Store, str, str, dict[str, Any]], Any]

_POSTS: dict[str, Answer] = {
    r"customers": lambda store, account, name, params: methods.create_customer(store, account, params),
    r"setup_intents": lambda store, account, name, params: methods.create_setup(store, account, params),
    r"payment_methods/(\w+)/attach": methods.attach,
    r"payment_methods/(\w+)/detach": lambda store, account, name, params: methods.detach(store, account, name),
    r"payment_intents": lambda store, account, name, params: intents.create(store, account, params),
    r"payment_intents/(\w+)/capture": intents.capture,
    r"payment_intents/(\w+)/cancel": intents.cancel,
    r"refunds": lambda store, account, name, params: reversals.create_refund(store, account, params),
    r"disputes/(\w+)": reversals.answer_dispute,
    r"disputes/(\w+)/close": lambda store, account, name, params: reversals.close_dispute(store, account, name),
}
_KINDS = {
    "customers": "customer", "setup_intents": "setup_intent", "payment_methods": "payment_method",
    "payment_intents": "payment_intent", "charges": "charge", "refunds": "refund", "disputes": "dispute",
    "balance_transactions": "balance_transaction", "payouts": "payout", "events": "event",
}  # fmt: skip
_EXPANDS = {"latest_charge": "charge", "payment_method": "payment_method", "source": "", "charge": "charge"}


def post(store: Store, account: str, path: str, params: dict[str, Any]) -> Any:
    """Act. Raises: Refused."""
    for pattern, answer in _POSTS.items():
        found = re.fullmatch(pattern, path)
        if found:
            return _expanded(store, account, answer(store, account, (*found.groups(), "")[0], params), params)
    raise invalid(f"Unrecognized request URL (POST: /v1/{path}).", status=404)


def get(store: Store, account: str, path: str, params: dict[str, Any]) -> Any:
    """Look. Raises: Refused."""
    plural, _, name = path.partition("/")
    if plural not in _KINDS:
        raise invalid(f"Unrecognized request URL (GET: /v1/{path}).", status=404)
    if path == "payment_intents/search":
        return _page(store, account, path, intents.search(store, account, params), params)
    if not name:
        return _page(store, account, path, _filtered(store, account, _KINDS[plural], params), params)
    thing = store.find(account, _KINDS[plural], name)
    if thing is None:
        raise missing(_KINDS[plural], name)
    return _expanded(store, account, thing, params)


def _filtered(store: Store, account: str, kind: str, params: dict[str, Any]) -> list[Thing]:
    if "payout" in params:
        return balance.of_payout(store, account, params["payout"])
    found = store.all(account, kind)
    if kind == "event":
        found = events.undelivered(store, account, found) if params.get("delivery_success") == "false" else found
        found = [event for event in found if not params.get("types") or event["type"] in listed(params, "types")]
    for name in ("created", "arrival_date"):
        if "gte" in params.get(name, {}):
            found = [thing for thing in found if thing[name] >= int(params[name]["gte"])]
    for name in ("status", "payment_intent", "type", "currency"):
        if name in params:
            found = [thing for thing in found if thing.get(name) == params[name]]
    return found


def _page(store: Store, account: str, path: str, found: list[Thing], params: dict[str, Any]) -> Thing:
    limit = min(100, int(params.get("limit", 10)))
    after = params.get("starting_after") or params.get("page")
    if after:
        names = [thing["id"] for thing in found]
        found = found[names.index(after) + 1 :] if after in names else []
    page = [_expanded(store, account, thing, params, within="data.") for thing in found[:limit]]
    answer: Thing = {"object": "list", "url": f"/v1/{path}", "has_more": len(found) > limit, "data": page}
    if path.endswith("/search"):
        answer |= {"object": "search_result", "next_page": page[-1]["id"] if answer["has_more"] else None}
    return answer


def _expanded(store: Store, account: str, thing: Thing, params: dict[str, Any], within: str = "") -> Thing:
    """Put objects in the place of their ids where the request asks for it."""
    for path in listed(params, "expand"):
        name = path.removeprefix(within)
        if name not in _EXPANDS:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        if isinstance(thing.get(name), str):
            rows = store.run("SELECT kind FROM thing WHERE id = ? AND account = ?", thing[name], account)
            kind = rows[0]["kind"] if rows else ""
            thing = thing | {name: store.find(account, kind, thing[name])}
    return thing
