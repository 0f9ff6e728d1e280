"""The finance admin of policies."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly, money
from policies.models import (
    Cancellation,
    Charge,
    Participant,
    Party,
    Policy,
    PolicyImport,
    Program,
    ProgramVersion,
    Segment,
    Term,
    Transaction,
)


class Participants(Part):
    model = Participant
    fields: ClassVar = ["organization", "role"]


class Terms(Part):
    model = Term
    fields: ClassVar = ["number", "state_code", "effective_on", "expires_on", "program_version", "plan_code"]


class Charges(Part):
    model = Charge
    fields: ClassVar = ["component", money("amount_minor"), "payee_kind", "payee", "commission_ppm", "refundable"]


class Segments(Part):
    model = Segment
    fields: ClassVar = [
        "kind",
        "starts_on",
        "ends_on",
        money("full_term_minor"),
        money("written_minor"),
        "offsets",
    ]


@admin.register(Policy)
class PolicyAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "number", "insured", "program", "state", "created_at"]
    list_filter: ClassVar = ["state", "created_at"]
    search_fields: ClassVar = ["=id", "number", "insured__name"]
    inlines: ClassVar = [Participants, Terms, Charges]


@admin.register(Party)
class PartyAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "name", "reference", "city", "state"]
    search_fields: ClassVar = ["=id", "name", "reference"]


@admin.register(Program)
class ProgramAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "code", "name", "carrier", "currency"]
    search_fields: ClassVar = ["code", "name"]


@admin.register(ProgramVersion)
class ProgramVersionAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "program", "number", "effective_from", "created_at"]
    search_fields: ClassVar = ["program__code"]


@admin.register(Term)
class TermAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "policy", "number", "state_code", "effective_on", "expires_on", "plan_code"]
    list_filter: ClassVar = ["effective_on"]
    search_fields: ClassVar = ["=id", "policy__number"]


@admin.register(Charge)
class ChargeAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "policy", "component", money("amount_minor"), "payee_kind", "payee"]
    list_filter: ClassVar = ["component", "payee_kind"]
    search_fields: ClassVar = ["=id", "policy__number"]


@admin.register(PolicyImport)
class PolicyImportAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "file_name", "state", "row_count", "policy_count", "problem_count", "created_at"]
    list_filter: ClassVar = ["state", "created_at"]
    search_fields: ClassVar = ["=id", "file_name", "=content_sha256"]


@admin.register(Transaction)
class TransactionAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "term", "sequence", "kind", "effective_on", "processed_at", "reverses"]
    list_filter: ClassVar = ["kind", "effective_on", "processed_at"]
    search_fields: ClassVar = ["=id", "=term__id", "term__policy__number"]
    inlines: ClassVar = [Segments, Charges]


@admin.register(Cancellation)
class CancellationAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "term",
        "state",
        "effective_on",
        "method",
        "reason",
        "initiator",
        "requested_on",
        "transaction",
    ]
    list_filter: ClassVar = ["state", "method", "reason", "initiator", "effective_on"]
    search_fields: ClassVar = ["=id", "=term__id", "term__policy__number"]
