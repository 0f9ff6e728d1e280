"""Tables: which way they point, who may see them, and what the database itself refuses."""

from __future__ import annotations

import pgtrigger
import pytest
from django.apps import apps
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection
from django.db.models import Field, ForeignKey, Model
from django_fsm import FSMField

from compliance.access import Access
from compliance.models import Organization
from tests.architecture.tree import report

LAYERS = ["compliance", "policies reconciliation", "billing", "payments", "coverpay api webhooks"]
"""Labels of apps from the floor up; siblings share a step and do not point at each other."""

NOBODYS = {
    "compliance.User": "a person; what they may see comes from memberships",
    "compliance.Explanation": "read through the object it explains",
    "compliance.SanctionsList": "published lists, the same for everyone",
    "api.IdempotentRequest": "the plumbing of a request, never listed",
}

WRITTEN_ONCE = [
    "compliance.AuditEntry",
    "compliance.EventRecord",
    "compliance.Explanation",
    "policies.ProgramVersion",
    "policies.Transaction",
    "policies.Segment",
    "policies.Charge",
    "reconciliation.Account",
    "reconciliation.Entry",
    "reconciliation.Line",
    "reconciliation.SnapshotBalance",
    "reconciliation.Statement",
    "reconciliation.StatementImport",
    "reconciliation.StatementLine",
    "compliance.RuleDecision",
    "billing.AccountBill",
    "billing.CashTransfer",
    "billing.DelinquencyPlanVersion",
    "billing.DelinquencyStep",
    "billing.LineCredit",
    "billing.NoticeMailing",
    "billing.PlanVersion",
    "billing.ReturnPremium",
    "billing.RunFailure",
    "billing.Schedule",
    "billing.InstallmentItem",
    "billing.InvoiceLine",
    "billing.Receipt",
    "billing.ReceiptReversal",
    "billing.Application",
    "payments.RoutingTable",
    "payments.Payout",
    "payments.PayoutLine",
    "payments.CheckRun",
    "payments.Deposit",
    "payments.MethodFees",
    "payments.RecoveryPlan",
    "billing.CashOut",
    "compliance.SanctionsList",
    "compliance.SanctionedName",
    "reconciliation.AccountMapping",
]

OURS: list[type[Model]] = [model for model in apps.get_models() if model._meta.app_label in " ".join(LAYERS).split()]


def step_of(label: str) -> int:
    return next(number for number, labels in enumerate(LAYERS) if label in labels.split())


def upward_relations(model: type[Model]) -> list[str]:
    """Foreign keys to a layer above, or to a sibling."""
    own = model._meta.app_label
    return [
        f"{model._meta.label}.{field.name} points at {field.related_model._meta.label} -> keep its id as text"
        for field in foreign_keys(model)
        for other in [field.related_model._meta.app_label]
        if other != own and other in " ".join(LAYERS).split() and step_of(other) >= step_of(own)
    ]


def foreign_keys(model: type[Model]) -> list[ForeignKey[Model, Model]]:
    return [field for field in model._meta.get_fields() if isinstance(field, ForeignKey)]


def has_an_owner(model: type[Model]) -> bool:
    """Tell whether a model declares ACCESS, or is part of a parent that has an owner."""
    if isinstance(getattr(model, "ACCESS", None), Access) or model._meta.label in NOBODYS:
        return True
    parents = [field.related_model for field in foreign_keys(model) if not field.null]
    return any(parent is not model and parent is not Organization and has_an_owner(parent) for parent in parents)


def broken_path(model: type[Model], path: str) -> str:
    """Why an ACCESS path does not end at an organization; empty when it does."""
    try:
        rows = model._default_manager.filter(**{path: "org_none"})
    except FieldError as error:
        return f"{model._meta.label}: {error}"
    last: Field[object, object] | None = None
    at: type[Model] = model
    for part in path.split("__"):
        found = at._meta.get_field(part.removesuffix("_id") if part != "id" else part)
        last, at = found, getattr(found, "related_model", None) or at
    ends = at is Organization and rows.query is not None and last is not None
    return "" if ends else f"{model._meta.label}: {path} ends at {at._meta.label}, not at an organization"


def test_relations_point_down() -> None:
    found = [line for model in OURS for line in upward_relations(model)]
    assert not found, report(found)


def test_every_row_has_an_owner() -> None:
    found = [f"{model._meta.label} declares no ACCESS and is part of nothing that does" for model in OURS]
    found = [line for model, line in zip(OURS, found, strict=True) if not has_an_owner(model)]
    assert not found, report(found)


def test_every_access_path_ends_at_an_organization() -> None:
    declared = [(model, model.ACCESS) for model in OURS if isinstance(getattr(model, "ACCESS", None), Access)]
    found = [broken_path(model, path) for model, access in declared for path in (access.operator, access.reader)]
    assert len(declared) > 10
    assert not any(found), report([line for line in found if line])


def test_a_wrong_path_is_found() -> None:
    policy = apps.get_model("policies", "Policy")
    assert "ends at policies.Party" in broken_path(policy, "insured_id")
    assert "Cannot resolve" in broken_path(policy, "nobody__organization_id")


def test_every_state_machine_is_guarded_by_the_database() -> None:
    """The jumps the transitions make are the jumps the database allows, and the first state is the default."""
    found = []
    for model in OURS:
        for field in (field for field in model._meta.get_fields() if isinstance(field, FSMField)):
            guards = {trigger.name: trigger for trigger in model._meta.triggers}  # type: ignore[attr-defined]
            jumps = guards.get(f"legal_{field.name}")
            allowed = set(jumps.transitions) if jumps else set()
            made = {
                (str(t.source), str(t.target)) for t in getattr(model, f"get_all_{field.name}_transitions")(model())
            }
            if allowed != made:
                found.append(f"{model._meta.label}.{field.name}: the database allows {allowed ^ made} otherwise")
            if f"first_{field.name}" not in guards:
                found.append(f"{model._meta.label}.{field.name}: no guards.first_state")
    assert not found, report(found)


@pytest.mark.django_db
def test_every_declared_trigger_is_in_the_database_and_on() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'"
        )
        present = set(cursor.fetchall())
    declared = {(model._meta.db_table, trigger.get_pgid(model)) for model, trigger in pgtrigger.registered()}
    assert declared
    assert declared <= present, f"run migrate, or makemigrations: {declared - present}"


@pytest.mark.parametrize("label", WRITTEN_ONCE)
def test_what_is_written_once_refuses_to_change(label: str) -> None:
    names = {trigger.name for trigger in apps.get_model(label)._meta.triggers}  # type: ignore[attr-defined]
    assert {"append_only", "no_truncate"} <= names, f"{label}: add guards.append_only"


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
