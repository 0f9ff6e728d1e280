"""Plausible bodies for any route, read from its serializer or form, naming our rows wherever a row can be named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from rest_framework import serializers

from billing.models import BillingAccount, Invoice
from billing.standing import FEES
from compliance.models import Organization
from payments.models import Attempt, GatewayAccount, Payment, PaymentMethod
from policies.models import Party, Policy, Transaction
from reconciliation.models import BankAccount, Break
from tests.support import seeded_ach, seeded_exports, seeded_sources
from tests.support.seeded import Seeded

ROWS: dict[str, type[Model]] = {
    "policy": Policy,
    "transaction": Transaction,
    "invoice": Invoice,
    "payment": Payment,
    "attempt": Attempt,
    "account": GatewayAccount,
    "bank_account": BankAccount,
    "billing_account": BillingAccount,
    "payor": Party,
    "party": Party,
    "payment_method": PaymentMethod,
}
# What a field of one body says, where the same word means another thing elsewhere.
OF_BODY: dict[str, dict[str, Callable[[Seeded], Any]]] = {
    "NewAchFile": {"account": lambda seeded: seeded_ach.account_of(seeded.house).id},
    "NewReceivedFile": {"account": lambda seeded: seeded_ach.account_of(seeded.house).id},
    "NewAccountMapping": {"spec": lambda seeded: seeded_exports.SPEC},
    "NewSourceMap": {
        "counterparty": lambda seeded: seeded.house.carrier.id,
        "spec": lambda seeded: {"policy": 1, "amount": 2},
    },
    "NewSourceStatement": {"counterparty": lambda seeded: seeded.house.carrier.id, "total_minor": lambda seeded: 1},
    "NewSourceFile": {"counterparty": lambda seeded: seeded.house.carrier.id},
    "NewColumnMap": {"spec": lambda seeded: seeded_sources.SPEC},
    "NewBreakResolution": {"about": lambda seeded: seeded.one(Break).id},
    "NewBreakResolutionPreview": {"about": lambda seeded: seeded.one(Break).id},
    "Assigned": {"owner": lambda seeded: seeded.admin.id},
    "NewRefund": {"amount_minor": lambda seeded: 1_00},
    "NewProgram": {"carrier": lambda seeded: seeded.house.carrier.id},
    "WaiveAsked": {"line": lambda seeded: str(seeded.one(Invoice).lines.filter(component__in=FEES)[0].pk)},
}
WITHOUT_FORM: dict[str, dict[str, Any]] = {
    "switch-organization": {"organization": Organization},
    "compliance:role": {"role": "viewer"},
}
TEXTS: dict[str, Any] = {
    "email": "somebody@example.org",
    "url": "https://93.184.215.14/hook",
    "currency": "USD",
    "state": "HI",
    "code": "another",
    "gateway": "sandbox",
    "plan": "halves",
    "token": "tok_ok",
    "fund": "trust",
    "system": "quickbooks",
    "action": "invoice.write_off",
    "rule": "noc_nonpay_days",
    "jurisdiction": "HI",
    "line": "commercial_pc",
    "value": "10",
    "verdict": "refuse",
    "scopes": ["policies.read"],
    "spec": {},
    "states": ["HI"],
    "terms": {"commission_rate": "0.15", "charges": []},
}


def body(takes: type[serializers.BaseSerializer[Any]], seeded: Seeded) -> dict[str, Any]:
    """A body with every required field, and every optional one that names a row or is said in OF_BODY."""
    fields = takes().fields  # type: ignore[attr-defined]
    own = {name: said(seeded) for name, said in OF_BODY.get(takes.__name__, {}).items()}
    wanted = {name: field for name, field in fields.items() if field.required or name in ROWS or name in own}
    return {name: own.get(name) or _value(name, field, seeded) for name, field in wanted.items()}


def _value(name: str, field: Any, seeded: Seeded) -> Any:
    if name in ROWS:
        return str(seeded.one(ROWS[name]).pk)
    if name in TEXTS:
        return TEXTS[name]
    match field:
        case serializers.ListSerializer():
            return [body(type(field.child), seeded)]
        case serializers.BaseSerializer():
            return body(type(field), seeded)
        case serializers.ListField():
            return [_value("", field.child, seeded)] * (field.min_length or 1)
        case serializers.ChoiceField():
            return next(iter(field.choices))
        case serializers.FileField():
            return SimpleUploadedFile("sample.csv", b"sample,file\n1,2\n")
        case serializers.BooleanField():
            return True
        case serializers.IntegerField():
            return field.min_value or 1
        case serializers.DateField():
            return "2026-02-02"
        case serializers.JSONField() | serializers.DictField():
            return {}
    return "sample"


def form_data(route: str, view: Any, seeded: Seeded) -> dict[str, Any]:
    """The required fields of a page's form, if it has one."""
    form = getattr(view, "form_class", None)
    fields = form.base_fields if form else {}
    typed = {name: _typed(name, field, seeded) for name, field in fields.items() if field.required}
    for name, what in WITHOUT_FORM.get(route, {}).items():
        typed[name] = what if isinstance(what, str) else str(seeded.one(what).pk)
    return typed


def _typed(name: str, field: forms.Field, seeded: Seeded) -> Any:
    if name in ROWS:
        return str(seeded.one(ROWS[name]).pk)
    if name in TEXTS:
        return TEXTS[name]
    match field:
        case forms.ChoiceField():
            return next((str(value) for value, _ in field.choices if value), "sample")
        case forms.FileField():
            return SimpleUploadedFile("sample.csv", b"sample,file\n1,2\n")
        case forms.DateField():
            return "2026-02-02"
        case forms.IntegerField():
            return str(field.min_value or 1)
    return "1.00" if type(field).__name__ == "MoneyField" else "sample"
