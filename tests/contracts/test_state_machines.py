"""Every state machine of the system: python and the database allow the same jumps, and no others."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction
from django_fsm import FSMField, TransitionNotAllowed

MACHINES = [
    (model, field) for model in apps.get_models() for field in model._meta.get_fields() if isinstance(field, FSMField)
]
NAMED = [pytest.param(model, field, id=f"{model.__name__}.{field.name}") for model, field in MACHINES]
PAIRS = [
    pytest.param(model, field, state, verb, id=f"{model.__name__}-{state}-{verb}")
    for model, field in MACHINES
    for state, verb in product(
        [value for value, _ in field.choices], sorted({each.name for each in field.get_all_transitions(model)})
    )
]


def allowed(model: type[models.Model], field: FSMField) -> dict[tuple[str, str], str]:
    """What python allows: (state, verb) -> next state."""
    return {(str(each.source), each.name): str(each.target) for each in field.get_all_transitions(model)}


def trigger(model: type[models.Model], name: str) -> str:
    """The source of a trigger's function, as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.prosrc, t.tgenabled, pg_get_triggerdef(t.oid) "
            "FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = %s::regclass AND t.tgname LIKE %s",
            [model._meta.db_table, f"pgtrigger_{name}_%"],
        )
        ((source, enabled, definition),) = cursor.fetchall()
    assert enabled == "O"
    return f"{definition} {source}"


def test_the_machines_are_found() -> None:
    assert {model.__name__ for model, _ in MACHINES} >= {"Policy", "Invoice", "Payment", "Attempt", "Refund"}


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "field"), NAMED)
def test_the_database_allows_exactly_the_jumps_that_python_allows(model: type[models.Model], field: FSMField) -> None:
    source = trigger(model, f"legal_{field.name}")
    (listed,) = re.findall(r"ANY\('\{([^}]*)\}'::text\[\]\)", source)
    in_database = {tuple(jump.split(":")) for jump in listed.split(",")}
    assert in_database == {(state, target) for (state, _), target in allowed(model, field).items()}
    assert "BEFORE UPDATE" in source


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "field"), NAMED)
def test_the_database_lets_a_row_begin_only_where_python_begins_it(model: type[models.Model], field: FSMField) -> None:
    source = trigger(model, f"first_{field.name}")
    (listed,) = re.findall(r"<> ALL \(.*?ARRAY\[(.*?)\]|<> '(\w+)'::text", source)
    begins = set(re.findall(r"\w+", "".join(listed))) - {"character", "varying", "text"}
    assert begins == {str(field.get_default())}
    assert "BEFORE INSERT" in source


@pytest.mark.parametrize(("model", "field", "state", "verb"), PAIRS)
def test_each_verb_moves_from_its_states_and_is_refused_in_every_other(
    model: type[models.Model], field: FSMField, state: str, verb: str
) -> None:
    row: Any = model(**{field.name: state})
    target = allowed(model, field).get((state, verb))
    if target is None:
        with pytest.raises(TransitionNotAllowed):
            getattr(row, verb)()
        assert getattr(row, field.name) == state
    else:
        getattr(row, verb)()
        assert getattr(row, field.name) == target


@pytest.mark.parametrize(("model", "field"), NAMED)
def test_a_state_is_never_assigned_past_its_verbs(model: type[models.Model], field: FSMField) -> None:
    row: Any = model()
    with pytest.raises(AttributeError):
        setattr(row, field.name, next(value for value, _ in field.choices))


@pytest.mark.parametrize(("model", "field"), NAMED)
def test_every_state_can_be_reached(model: type[models.Model], field: FSMField) -> None:
    reached = {str(field.get_default())}
    for _ in field.choices:
        reached |= {target for (state, _), target in allowed(model, field).items() if state in reached}
    assert reached == {value for value, _ in field.choices}


@pytest.mark.django_db
def test_raw_sql_cannot_make_an_illegal_jump_or_an_illegal_beginning(house: Any) -> None:
    from tests.support import books

    invoice = books.billed(house)
    attempt = books.collecting(house, invoice)
    with connection.cursor() as cursor:
        for table, row_id, state in [
            ("policies_policy", invoice.policy_id, "quoted"),
            ("payments_payment", attempt.payment_id, "refunded"),
            ("payments_attempt", attempt.id, "succeeded"),
        ]:
            with pytest.raises(DatabaseError, match="Invalid transition"), transaction.atomic():
                cursor.execute(f"UPDATE {table} SET state = %s WHERE id = %s", [state, row_id])
        with pytest.raises(DatabaseError, match="cannot start as"), transaction.atomic():
            cursor.execute(
                "INSERT INTO payments_payment "
                "(id, policy_id, invoice_id, amount_minor, currency, method, token, state, created_at) "
                "SELECT 'pay_forged', policy_id, invoice_id, 1, 'USD', 'card', 't', 'succeeded', created_at "
                "FROM payments_payment"
            )
