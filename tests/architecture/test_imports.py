"""What `lint-imports` cannot say: the contracts cover the whole tree, and no modules import each other in a ring."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

import grimp

from tests.architecture.tree import PACKAGES, ROOT, Source, report, sources

_NETWORK = {"aiohttp", "ftplib", "http.client", "httpx", "requests", "smtplib", "socket", "urllib.request", "urllib3"}
_MAY_CALL_OUT = (
    "payments/gateways/",
    "payments/sandbox_webhooks.py",
    "payments/messages.py",
    "coverpay/webhooks/sender.py",
    "coverpay/webhooks/targets.py",
    "coverpay/local/",
    "coverpay/demo/",
)


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)


def contract(id: str) -> dict[str, Any]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return next(found for found in settings["tool"]["importlinter"]["contracts"] if found["id"] == id)


def rings(imports: dict[str, set[str]]) -> list[list[str]]:
    """Every group of two or more modules that import each other, directly or through others (Tarjan, 1972)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        stack.append(module)
        for other in sorted(imports.get(module, ())):
            if other not in order:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], order[other])
        if low[module] == order[module]:
            ring = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(ring) > 1:
                found.append(sorted(ring))

    for module in sorted(imports):
        if module not in order:
            visit(module)
    return found


def calls_out(source: Source) -> list[str]:
    """Imports of network libraries outside the places that may use them."""
    if source.within(*_MAY_CALL_OUT):
        return []
    return [
        f"{source.path}:{line}: imports {module} -> call out from a gateway or the webhook sender only"
        for line, module in source.imported
        if any(module == name or module.startswith(f"{name}.") for name in _NETWORK)
    ]


def test_no_modules_import_each_other_in_a_ring() -> None:
    modules = {module: graph().find_modules_directly_imported_by(module) for module in graph().modules}
    found = [" <-> ".join(ring) for ring in rings(modules)]
    assert not found, report(found)


def test_modules_that_call_themselves_pure_are_under_the_contract() -> None:
    listed = contract("pure")["source_modules"]
    free = [
        f'{source.path}: says "Pure:", but the contract "pure" in pyproject.toml does not name {source.module}'
        for source in sources()
        if source.docstring.startswith("Pure:")
        and not any(source.module == name or source.module.startswith(f"{name}.") for name in listed)
    ]
    assert not free, report(free)


def test_only_gateways_and_senders_reach_the_network() -> None:
    found = [line for source in sources() for line in calls_out(source)]
    assert not found, report(found)


def test_rings_and_calls_are_found() -> None:
    assert rings({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert rings({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    assert calls_out(Source("billing/cash.py", "import requests"))
    assert calls_out(Source("billing/cash.py", "from urllib.request import urlopen"))
    assert calls_out(Source("billing/cash.py", "from urllib.parse import urlsplit")) == []
    assert calls_out(Source("payments/gateways/stripe.py", "import requests")) == []
