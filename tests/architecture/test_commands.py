"""Rows change inside commands only: each is keyword-only with an actor, and whatever writes is a command or a step."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Collection, Iterator
from importlib import import_module
from typing import Any

from tests.architecture.tree import Source, name_of, report, sources

_WRITES = {
    "create",
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "acreate",
    "select_for_update",
}
_OWN_TRANSACTION = (
    # Each of these is a place whose one statement stands outside every command, and says why in its docstring.
    "coverpay/api/claims.py",  # a key is claimed before the command and kept after it
    "payments/inbound.py",  # a webhook is stored raw before anything acts on it
)
_SAVEPOINTS = (
    # Inside the one command, a part that may be undone while the rest goes on.
    "reconciliation/ledger/posting.py",  # a COPY that met a posting made before
)
_ONE_MOMENT = ("coverpay/books.py",)  # a proof reads everything from one snapshot and writes nothing
_WAITS = re.compile(
    r"(gateway_of\(.*\)|^gateway)\.(charge|capture|void|refund|fetch|payouts|contest|accept_dispute)$"
    r"|^(requests|sender|targets|socket)\.|^time\.sleep$"
)
_TABLES_THEMSELVES = ("models.py", "subscribers.py", "guards.py")
_ONLY_RENDER = ("api.py", "views.py", "forms.py", "tasks.py", "admin.py", "urls.py", "queries.py", "resources.py")
_RENDERING_FOLDERS = ("billing/api/", "billing/views/", "payments/api/", "payments/views/")


def writes(function: ast.AST, modules: Collection[str] = ()) -> Iterator[int]:
    """Lines that write rows: managers' creates, `save`, and `update` or `delete` of a queryset.

    `modules` are the names that the file imports: `endpoints.update(...)` is a command, not a queryset.
    """
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            chain = ast.unparse(node.func.value)
            if chain not in modules and _writes(node, node.func.attr, chain):
                yield node.lineno


def _writes(call: ast.Call, verb: str, chain: str) -> bool:
    of_rows = ".objects" in chain or "_manager" in chain
    if verb in _WRITES or verb == "delete":
        return of_rows
    return (verb == "save" and _is_row(chain)) or (verb == "update" and bool(call.keywords) and not call.args)


def _is_row(chain: str) -> bool:
    return chain not in ("self", "super()", "form")


def unguarded(source: Source) -> list[str]:
    """Public functions that write without being a command or a step; and any write where nothing may be written."""
    if source.path.endswith(_ONLY_RENDER) or source.within(*_RENDERING_FOLDERS):
        modules = {alias.asname or alias.name for _, alias in _imports(source)}
        written = [line for node in source.tree.body for line in writes(node, modules)]
        return [
            f"{source.path}:{line}: writes a row -> call a command, this module parses and renders" for line in written
        ]
    if source.within(*_OWN_TRANSACTION) or source.path.endswith(_TABLES_THEMSELVES):
        return []
    return [
        f"{source.path}:{node.lineno}: {node.name} writes rows -> make it a @command or a @step"
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not is_guarded(node)
        if any(writes(node))
    ]


def is_guarded(function: ast.FunctionDef) -> bool:
    return any(name_of(decorator).rsplit(".", 1)[-1] in ("command", "step") for decorator in function.decorator_list)


def open_transactions(source: Source) -> list[str]:
    """Transactions opened anywhere but where commands are made."""
    if source.within("coverpay/kernel/commands.py", *_OWN_TRANSACTION, *_SAVEPOINTS, *_ONE_MOMENT):
        return []
    return [
        f"{source.path}:{node.lineno}: opens a transaction -> @command opens the one there is"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and name_of(node) in ("transaction.atomic", "transaction.savepoint")
    ]


def commands() -> dict[str, Callable[..., Any]]:
    """Every command of the tree by its dotted name."""
    return {
        f"{source.module}.{node.name}": getattr(import_module(source.module), node.name)
        for source in sources("compliance", "policies", "reconciliation", "billing", "payments", "coverpay")
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef)
        if any(name_of(decorator).rsplit(".", 1)[-1] == "command" for decorator in node.decorator_list)
    }


def nested(source: Source, known: set[str]) -> list[str]:
    """Calls of a command inside a command or a step of the same tree, by the name they are imported under."""
    aliases = {word.asname or word.name: path for path, word in _imports(source)}
    found = []
    for function in (node for node in source.tree.body if isinstance(node, ast.FunctionDef) and is_guarded(node)):
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            head, _, tail = name_of(call.func).partition(".")
            target = f"{aliases.get(head, f'{source.module}.{head}')}{f'.{tail}' if tail else ''}"
            if target in known:
                found.append(
                    f"{source.path}:{call.lineno}: {function.name} calls the command {target} -> call its step"
                )
    return found


def waits_inside(source: Source) -> list[str]:
    """Calls inside a command or a step that wait for somebody else while rows are locked."""
    return [
        f"{source.path}:{call.lineno}: {function.name} waits for {what} -> command, then network, then command"
        for function in source.tree.body
        if isinstance(function, ast.FunctionDef) and is_guarded(function)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        for what in [ast.unparse(call.func)]
        if _WAITS.search(what)
    ]


def _imports(source: Source) -> Iterator[tuple[str, ast.alias]]:
    for node in source.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", alias) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, alias) for alias in node.names)


def test_rows_are_written_by_commands_and_steps() -> None:
    wanted = [source for source in sources() if not source.within("coverpay/local/", "coverpay/demo/")]
    found = [line for source in wanted for line in unguarded(source)]
    assert not found, report(found)


def test_only_commands_open_transactions() -> None:
    found = [line for source in sources() for line in open_transactions(source)]
    assert not found, report(found)


def test_every_command_takes_keywords_only_and_an_actor() -> None:
    found = []
    for name, function in commands().items():
        parameters = inspect.signature(function).parameters
        if "actor" not in parameters or any(p.kind is not p.KEYWORD_ONLY for p in parameters.values()):
            found.append(f"{name} must take keyword-only arguments, one of them `actor`")
        if not getattr(function, "is_command", False):
            found.append(f"{name} wears another decorator over @command")
    assert len(commands()) > 10
    assert not found, report(found)


def test_no_command_calls_a_command() -> None:
    known = set(commands())
    found = [line for source in sources() for line in nested(source, known)]
    assert not found, report(found)


def test_no_command_waits_for_the_network() -> None:
    found = [line for source in sources() for line in waits_inside(source)]
    assert not found, report(found)


def test_the_rules_bite() -> None:
    free = "def issue(policy):\n    Invoice.objects.create(policy=policy)\n"
    assert unguarded(Source("billing/invoices.py", free))
    assert unguarded(Source("billing/invoices.py", "@step\n" + free)) == []
    assert unguarded(Source("billing/invoices.py", "def total(sums):\n    sums.update({1: 2})\n")) == []
    assert unguarded(Source("billing/views.py", "class V:\n    def post(self):\n        row.save()\n"))
    assert open_transactions(Source("billing/cash.py", "with transaction.atomic():\n    pass\n"))
    assert open_transactions(Source("billing/cash.py", "name = transaction.savepoint()\n"))
    assert open_transactions(Source("billing/cash.py", "with commands.savepoint():\n    pass\n")) == []
    charge = "def submit(*, actor):\n    accounts.gateway_of(account).charge(order)\n"
    assert waits_inside(Source("payments/attempts.py", "@command\n" + charge))
    assert waits_inside(Source("payments/attempts.py", charge)) == []
    calls = "from billing import cash\n@command\ndef issue(*, actor):\n    cash.apply(actor=actor)\n"
    assert nested(Source("billing/invoices.py", calls), {"billing.cash.apply"})
