"""Up by event: a lower layer tells the ones above, synchronously, in the same transaction.

`coverpay/wiring.py` is the one table of who listens, in the order written. The first error undoes the whole command.
The same table says who answers a question: what a lower layer must know of the rows above it (decision 0010).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar, Generic, TypeVar

from coverpay.kernel import commands

Handler = Callable[[Any], None]
R = TypeVar("R")


class Event:
    """Base of the frozen dataclasses of ids and amounts that are published.

    `nestable` is True only for an event that a handler may publish; a decision record says why.
    """

    nestable: ClassVar[bool] = False


class Question(Generic[R]):
    """Base of the frozen dataclasses that ask upwards. Answering reads only; each question has exactly one answerer."""


class UnansweredQuestion(RuntimeError):
    """A question was asked that the wiring table does not name."""


class UnwiredEvent(RuntimeError):
    """An event was published that the wiring table does not name."""


class NestedPublish(RuntimeError):
    """A handler published an event; order would hide in call stacks."""


_table: dict[type[Event], tuple[Handler, ...]] = {}
_answers: dict[type[Question[Any]], Callable[[Any], Any]] = {}
_handling: ContextVar[type[Event] | None] = ContextVar("handling", default=None)


def wire(
    table: Mapping[type[Event], Sequence[Handler]],
    answers: Mapping[type[Question[Any]], Callable[[Any], Any]] | None = None,
) -> None:
    """Replace the whole table of listeners and of who answers."""
    _table.clear()
    _table.update({event: tuple(handlers) for event, handlers in table.items()})
    _answers.clear()
    _answers.update(answers or {})


def table() -> Mapping[type[Event], tuple[Handler, ...]]:
    """The table in force (for documents and tests)."""
    return dict(_table)


def ask(question: Question[R]) -> R:
    """Ask the layer above what it knows. It reads only, so that asking never changes anything.

    Raises: UnansweredQuestion.
    """
    answer = _answers.get(type(question))
    if answer is None:
        raise UnansweredQuestion(f"{type(question).__name__} is not in coverpay/wiring.py")
    return answer(question)  # type: ignore[no-any-return]


def answers() -> Mapping[type[Question[Any]], Callable[[Any], Any]]:
    """Who answers which question (for documents and tests)."""
    return dict(_answers)


def publish(event: Event) -> None:
    """Tell every listener of this event, in order, inside the open command.

    Raises: UnwiredEvent, NestedPublish, CommandNeeded, and whatever the first failing handler raises.
    """
    commands.current()
    kind = type(event)
    if kind not in _table:
        raise UnwiredEvent(f"{kind.__name__} is not in coverpay/wiring.py")
    outer = _handling.get()
    if outer is not None and not kind.nestable:
        raise NestedPublish(f"a handler of {outer.__name__} published {kind.__name__}")
    token = _handling.set(kind)
    try:
        for handler in _table[kind]:
            handler(event)
    finally:
        _handling.reset(token)
