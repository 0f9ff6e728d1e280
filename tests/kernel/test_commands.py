"""A command is one audited transaction of its own; a step lives only inside one."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Any

import pytest

from compliance import audit
from compliance.models import AuditEntry, Organization
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import CommandNeeded, CommandNested, CommandNotAudited, OpenCommand, command, step

ME = system("test")
pytestmark = pytest.mark.django_db


def write(code: str) -> Organization:
    return Organization.objects.create(kind="mga", name=code, code=code)


def written(code: str) -> bool:
    return Organization.objects.filter(code=code).exists()


@command
def audited(*, code: str, actor: Actor) -> Organization:
    commands.current().audited = True
    return write(code)


@command
def forgetful(*, code: str, actor: Actor) -> Organization:
    return write(code)


@command
def failing(*, code: str, actor: Actor) -> None:
    commands.current().audited = True
    write(code)
    raise ZeroDivisionError


@command
def outer(*, actor: Actor) -> None:
    audited(code="inner", actor=actor)


@command
def idle(*, actor: Actor) -> str:
    commands.unchanged()
    return commands.current().name


@step
def some_step() -> str:
    return commands.current().name


@command
def stepping(*, actor: Actor) -> str:
    commands.unchanged()
    return some_step()


def test_a_command_gives_what_its_body_gives_and_keeps_what_it_wrote() -> None:
    assert audited(code="kept", actor=ME).code == "kept"
    assert written("kept")


def test_a_command_that_changed_something_without_audit_is_refused_and_undone() -> None:
    with pytest.raises(CommandNotAudited, match="forgetful"):
        forgetful(code="secret", actor=ME)
    assert not written("secret")


def test_a_failing_command_leaves_nothing_behind_and_the_next_one_runs() -> None:
    with pytest.raises(ZeroDivisionError):
        failing(code="half", actor=ME)
    assert not written("half")
    assert not commands.is_open()
    audited(code="next", actor=ME)


def test_a_command_inside_a_command_is_refused() -> None:
    with pytest.raises(CommandNested, match="audited"):
        outer(actor=ME)
    assert not written("inner")


def test_a_command_that_found_nothing_to_do_owes_no_audit() -> None:
    assert idle(actor=ME).endswith("test_commands.idle")


def test_a_step_outside_every_command_is_refused_and_inside_one_it_runs() -> None:
    with pytest.raises(CommandNeeded):
        some_step()
    with pytest.raises(CommandNeeded):
        commands.current()
    assert stepping(actor=ME).endswith("stepping")


@pytest.mark.parametrize("bad", [lambda code, *, actor: None, lambda *, code: None, lambda *a, actor: None])
def test_a_command_takes_keywords_only_and_an_actor(bad: Any) -> None:
    with pytest.raises(TypeError, match="keyword-only"):
        command(bad)


def test_an_actor_must_be_an_actor() -> None:
    with pytest.raises(TypeError, match="actor"):
        audited(code="x", actor="root")  # type: ignore[arg-type]


def test_a_witness_runs_last_in_the_same_transaction_and_can_undo_it() -> None:
    seen: list[str] = []

    def refuse(opened: OpenCommand) -> None:
        seen.append(opened.name)
        raise ZeroDivisionError

    with commands.witnessed(refuse):
        with pytest.raises(ZeroDivisionError):
            audited(code="witnessed", actor=ME)
        idle(actor=ME)
    assert [name.rpartition(".")[2] for name in seen] == ["audited"]
    assert not written("witnessed")


@command
def partly(*, fail: bool, actor: Actor) -> None:
    """Write and audit three organizations; the second may be undone alone."""
    for code in ("before", "part", "after"):
        with suppress(ZeroDivisionError), commands.savepoint() if code == "part" else nullcontext():
            made = write(code)
            audit.record(action="test.write", object_id=made.id, organization_id=made.id)
            if fail and code == "part":
                raise ZeroDivisionError


@pytest.mark.parametrize(("fail", "kept"), [(False, {"before", "part", "after"}), (True, {"before", "after"})])
def test_a_part_that_is_undone_takes_its_rows_and_its_audit_entries_with_it(fail: bool, kept: set[str]) -> None:
    partly(fail=fail, actor=ME)
    made = dict(Organization.objects.filter(code__in=("before", "part", "after")).values_list("code", "id"))
    assert set(made) == kept
    assert set(AuditEntry.objects.filter(action="test.write").values_list("object_id", flat=True)) == set(made.values())


def test_a_part_reads_anew_what_the_command_knows_and_leaves_it_as_it_was() -> None:
    seen: list[int] = []

    @command
    def reading(*, actor: Actor) -> None:
        count = iter(range(9))
        seen.append(commands.once("row", lambda: next(count)))
        with commands.savepoint():
            seen.append(commands.once("row", lambda: next(count)))
        seen.append(commands.once("row", lambda: next(count)))
        commands.unchanged()

    reading(actor=ME)
    assert seen == [0, 1, 0]
