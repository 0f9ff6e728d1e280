"""Commands open the one transaction; steps run only inside one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, transaction

from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Busy

P = ParamSpec("P")
R = TypeVar("R")

BUSY_SQLSTATES = {
    "55P03": "lock not available in time",
    "40P01": "deadlock",
    "CP012": "the accounting period was sealed meanwhile",
}


class CommandNested(RuntimeError):
    """A command was called inside another; call its steps instead."""


class CommandNeeded(RuntimeError):
    """A step or an event ran outside every command."""


class CommandNotAudited(RuntimeError):
    """A command that changed something ended without an audit entry."""


@dataclass(slots=True)
class OpenCommand:
    """The command that is open now: its name, who asked, and whether it left its audit entry."""

    name: str
    actor: Actor
    audited: bool = False
    changed_nothing: bool = False
    notes: dict[str, str] = field(default_factory=dict)
    known: dict[object, Any] = field(default_factory=dict)
    last: dict[object, Callable[[], object]] = field(default_factory=dict)


Witness = Callable[[OpenCommand], None]

_open: ContextVar[OpenCommand | None] = ContextVar("open_command", default=None)
_witness: ContextVar[Witness | None] = ContextVar("witness", default=None)


def current() -> OpenCommand:
    """The open command. Raises: CommandNeeded."""
    command = _open.get()
    if command is None:
        raise CommandNeeded("no command is open: call this from inside a @command")
    return command


def is_open() -> bool:
    return _open.get() is not None


def unchanged() -> None:
    """Say that the open command found nothing to do, so that no audit entry is owed."""
    current().changed_nothing = True


def once(key: object, read: Callable[[], R]) -> R:
    """Read something once in the open command, whoever asks: only what the command itself does not change.

    Raises: CommandNeeded.
    """
    known = current().known
    if key not in known:
        known[key] = read()
    return known[key]  # type: ignore[no-any-return]


def at_end(key: object, work: Callable[[], object]) -> None:
    """Do something once when the open command has done all else, in its transaction. Raises: CommandNeeded."""
    current().last.setdefault(key, work)


@contextmanager
def savepoint() -> Iterator[None]:
    """Undo a part of the open command alone when it raises: its rows, what it had read once, what it left for the end.

    Raises: CommandNeeded, and what the part raises.
    """
    state = current()
    before = state.audited, state.known, state.last
    state.known, state.last = {}, {}
    try:
        with transaction.atomic():
            yield
            _finish(state)
    except BaseException:
        state.audited = before[0]
        raise
    finally:
        state.known, state.last = before[1:]


def _finish(state: OpenCommand) -> None:
    for work in state.last.values():
        work()


@contextmanager
def witnessed(by: Witness) -> Iterator[None]:
    """Let `by` run last in the transaction of every command of this block that changed something.

    What it writes commits with the change, and what it raises undoes it: so a request can be carried out only once.
    """
    token = _witness.set(by)
    try:
        yield
    finally:
        _witness.reset(token)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function a command: keyword-only, one durable transaction, audited, never nested.

    The function must take `actor`. A lock that cannot be had in time, or a deadlock, becomes `Busy`.
    """
    parameters = inspect.signature(function).parameters
    if "actor" not in parameters or any(p.kind is not p.KEYWORD_ONLY for p in parameters.values()):
        raise TypeError(f"{function.__qualname__}: a command takes keyword-only arguments, one of them `actor`")
    name = f"{function.__module__}.{function.__name__}"

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if is_open():
            raise CommandNested(f"{name} was called inside {current().name}")
        actor = kwargs["actor"]
        if not isinstance(actor, Actor):
            raise TypeError(f"{name}: actor must be an Actor")
        state = OpenCommand(name=name, actor=actor)
        token = _open.set(state)
        try:
            return _in_transaction(function, state, *args, **kwargs)
        finally:
            _open.reset(token)

    run.is_command = True  # type: ignore[attr-defined]
    return run


def _in_transaction(function: Callable[P, R], state: OpenCommand, *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        with transaction.atomic(durable=True):
            result = function(*args, **kwargs)
            if not (state.audited or state.changed_nothing):
                raise CommandNotAudited(f"{state.name} ended without an audit entry")
            _finish(state)
            witness = _witness.get()
            if witness is not None and state.audited:
                witness(state)
            return result
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) in BUSY_SQLSTATES:
            raise Busy("Someone else is working on this right now; try again in a moment.") from error
        raise


def step(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function a step: it takes locked rows and raises unless a command is open."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        current()
        return function(*args, **kwargs)

    run.is_step = True  # type: ignore[attr-defined]
    return run
