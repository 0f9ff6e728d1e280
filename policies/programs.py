"""Programs and their versioned terms."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

from compliance import access, audit
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, Invalid, NotFound
from coverpay.kernel.money import Money
from policies import conditions, rating, taxes
from policies.models import Component, Program, ProgramVersion

_STATE = re.compile(r"[A-Z]{2}")


class StateNotInProgram(Invalid):
    """The program in force that day does not cover the state."""

    code = "state_not_in_program"


@command
def publish(
    *,
    code: str,
    name: str,
    carrier_id: str,
    states: Sequence[str],
    terms: Mapping[str, Any],
    effective_from: dt.date,
    actor: Actor,
) -> ProgramVersion:
    """Publish a program's terms from a date on: version 1 of a new program, or the next one.

    The terms are tried on a premium for each state first, so that a version that cannot rate is never published.
    Publishing the very same terms from the same date again gives the version that has them. Terms may leave the taxes
    of their states to the rules (`policies.taxes`).

    Raises: Forbidden, NotFound (carrier), TermsUnreadable, RuleNeedsDecision, Conflict for another carrier, Invalid.
    """
    access.require(actor, Permission.POLICIES_WRITE)
    organization_id = access.organization_of(actor)
    code = texts.line(code, field="code", at_most=40)
    name = texts.line(name, field="name", at_most=160)
    if not Organization.objects.filter(pk=carrier_id, kind=Organization.Kind.CARRIER).exists():
        raise NotFound(f"No carrier {carrier_id}.", field="carrier")
    if not states or any(not _STATE.fullmatch(state) for state in states) or len(set(states)) < len(states):
        raise Invalid("States are two capital letters each, at least one, none twice.", field="states")
    rating.check(terms, Component.values)
    conditions.read(terms)
    terms = taxes.expand(organization_id, terms, states, effective_from)
    for state in states:
        rating.rate(Money(100_000), terms, _risk(state, effective_from, carrier_id, organization_id, "trial"))
    program = _locked_program(organization_id, code, name, carrier_id)
    last = program.versions.order_by("-number").first()
    same = {
        "effective_from": effective_from,
        "states": list(states),
        "terms": dict(terms),
    }
    if last is not None and all(getattr(last, key) == value for key, value in same.items()):
        audit.record(action="program.find", object_id=last.id, organization_id=organization_id)
        return last
    version = ProgramVersion.objects.create(program=program, number=last.number + 1 if last else 1, **same)
    audit.record(
        action="program.publish",
        object_id=version.id,
        organization_id=organization_id,
        before={"version": last.id} if last else {},
        after={
            "number": version.number,
            "effective_from": effective_from.isoformat(),
            "terms": dict(terms),
        },
    )
    return version


def _locked_program(organization_id: str, code: str, name: str, carrier_id: str) -> Program:
    """The program of a code, written when it is new, and locked so that versions are numbered one after the other."""
    program, _ = Program.objects.get_or_create(
        operator_id=organization_id,
        code=code,
        defaults={"name": name, "carrier_id": carrier_id},
    )
    program = Program.objects.select_for_update(no_key=True).get(pk=program.pk)
    if program.carrier_id != carrier_id:
        raise Conflict(f"Program {code} is another carrier's; give this one a code of its own.", field="carrier")
    return program


def version_for(operator_id: str, code: str, state_code: str, effective_on: dt.date) -> ProgramVersion:
    """The program version in force for a risk. Raises: NotFound, StateNotInProgram."""
    version = (
        ProgramVersion.objects.select_related("program")
        .filter(
            program__operator_id=operator_id,
            program__code=code,
            effective_from__lte=effective_on,
        )
        .order_by("-effective_from", "-number")
        .first()
    )
    return fitting(version, code, state_code, effective_on)


def fitting(version: ProgramVersion | None, code: str, state_code: str, effective_on: dt.date) -> ProgramVersion:
    """The version found in force, if there is one and it covers the state. Raises: NotFound, StateNotInProgram."""
    if version is None:
        raise NotFound(f"No program {code!r} in force on {effective_on}.", field="program")
    if state_code not in version.states:
        raise StateNotInProgram(
            f"Program {code} is not written in {state_code}; its states are {', '.join(version.states)}.",
            field="state",
        )
    return version


def risk_of(version: ProgramVersion, state_code: str, effective_on: dt.date) -> rating.Risk:
    program = version.program
    return _risk(state_code, effective_on, program.carrier_id, program.operator_id, str(version))


def _risk(state: str, effective_on: dt.date, carrier_id: str, operator_id: str, version: str) -> rating.Risk:
    return rating.Risk(
        state_code=state,
        effective_on=effective_on,
        carrier=carrier_id,
        operator=operator_id,
        program_version=version,
    )
