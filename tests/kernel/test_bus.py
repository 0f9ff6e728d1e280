"""Events travel up in the same transaction, in the order written, and no further than one step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest

from coverpay.kernel import bus, commands
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.bus import Event, NestedPublish, Question, UnansweredQuestion, UnwiredEvent
from coverpay.kernel.commands import CommandNeeded, command

ME = system("test")
pytestmark = pytest.mark.django_db


@dataclass(frozen=True, slots=True)
class Happened(Event):
    what: str


@dataclass(frozen=True, slots=True)
class Noted(Event):
    nestable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class HowMuch(Question[int]):
    of: str


@pytest.fixture(autouse=True)
def table_of_its_own() -> Iterator[None]:
    before, answers = bus.table(), bus.answers()
    yield
    bus.wire(before, answers)


@command
def tell(*, event: Event, actor: Actor) -> None:
    commands.unchanged()
    bus.publish(event)


def test_listeners_hear_in_the_order_written() -> None:
    heard: list[str] = []
    bus.wire({Happened: [lambda event: heard.append(f"1 {event.what}"), lambda event: heard.append(f"2 {event.what}")]})
    tell(event=Happened("bound"), actor=ME)
    assert heard == ["1 bound", "2 bound"]


def test_the_first_error_stops_the_rest_and_the_next_command_publishes_again() -> None:
    heard: list[str] = []

    def fail(event: Happened) -> None:
        raise ZeroDivisionError

    bus.wire({Happened: [fail, lambda event: heard.append(event.what)]})
    with pytest.raises(ZeroDivisionError):
        tell(event=Happened("x"), actor=ME)
    assert heard == []
    bus.wire({Happened: [lambda event: heard.append(event.what)]})
    tell(event=Happened("y"), actor=ME)
    assert heard == ["y"]


def test_an_unwired_event_is_refused_but_an_empty_row_of_the_table_is_fine() -> None:
    bus.wire({})
    with pytest.raises(UnwiredEvent, match="Happened"):
        tell(event=Happened("x"), actor=ME)
    bus.wire({Happened: []})
    tell(event=Happened("x"), actor=ME)


def test_a_handler_publishes_nothing_unless_the_event_says_it_may() -> None:
    heard: list[str] = []
    bus.wire({Happened: [lambda event: bus.publish(Happened("again"))], Noted: []})
    with pytest.raises(NestedPublish, match="Happened"):
        tell(event=Happened("x"), actor=ME)
    bus.wire({Happened: [lambda event: bus.publish(Noted())], Noted: [lambda event: heard.append("noted")]})
    tell(event=Happened("x"), actor=ME)
    assert heard == ["noted"]


def test_nothing_is_published_outside_a_command() -> None:
    with pytest.raises(CommandNeeded):
        bus.publish(Happened("x"))


def test_a_question_has_the_answer_of_whoever_the_table_names() -> None:
    bus.wire({}, {HowMuch: lambda question: len(question.of)})
    assert bus.ask(HowMuch("four")) == 4


def test_a_question_that_nobody_answers_is_refused_aloud() -> None:
    bus.wire({}, {})
    with pytest.raises(UnansweredQuestion, match="HowMuch"):
        bus.ask(HowMuch("x"))
