"""Check rows against what is in the database, a chunk at a time: programs, plans and agencies by a query each."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from compliance.models import Organization
from coverpay.kernel import bus
from coverpay.kernel.errors import DomainError, NotFound
from policies import lifecycle, programs, rating
from policies.events import PlansInForce
from policies.imports.reading import Row
from policies.lifecycle import QuoteRequest
from policies.models import ProgramVersion
from policies.rating import RatedCharge


@dataclass(frozen=True, slots=True)
class Good:
    """A row that can be written: what it asks for, the version it is rated by, its charges, and who sold it."""

    request: QuoteRequest
    bind: bool
    version: ProgramVersion
    charges: list[RatedCharge]
    agency_id: str | None


@dataclass(slots=True)
class Checked:
    """A chunk looked over: the refusals of each row, the rows without any, and the numbers that can be read."""

    refusals: list[list[DomainError]] = field(default_factory=list)
    good: list[Good] = field(default_factory=list)
    numbers: list[tuple[int, str]] = field(default_factory=list)


class Checker:
    """What rows of one operator are checked against. The operator's programs are read once."""

    def __init__(self, operator_id: str) -> None:
        self._operator_id = operator_id
        self._versions: dict[str, list[ProgramVersion]] = defaultdict(list)
        rows = ProgramVersion.objects.select_related("program").filter(program__operator_id=operator_id)
        for version in rows.order_by("-effective_from", "-number"):
            self._versions[version.program.code].append(version)

    def check(self, chunk: Sequence[Row]) -> Checked:
        """Look a chunk over, without the question whether its numbers are free."""
        agencies = _agencies({row.request.agency_code.strip() for row in chunk} - {""})
        wanted = {(row.request.plan.strip(), row.request.effective_on) for row in chunk if row.bind}
        asked = frozenset((plan, day) for plan, day in wanted if "\x00" not in plan)
        plans = bus.ask(PlansInForce(self._operator_id, asked))
        checked = Checked()
        for row in chunk:
            try:
                request = lifecycle.cleaned(row.request)
            except DomainError:
                checked.refusals.append(self._slips(row, agencies, checked))
                continue
            checked.numbers.append((row.number, request.number))
            checked.refusals.append(self._rate(request, row.bind, agencies, plans, checked))
        return checked

    def _slips(self, row: Row, agencies: dict[str, str], checked: Checked) -> list[DomainError]:
        """Everything that is refused of a row with slips of its own."""
        request, seen = row.request, lifecycle.slips(row.request)
        refusals = seen.all()
        if not seen.texts:
            checked.numbers.append((row.number, request.number.strip()))
            if not seen.days:
                try:
                    self._version(request)
                except DomainError as error:
                    refusals.append(error)
            refusals += _agency_refusal(request, agencies)
        return refusals

    def _rate(
        self,
        request: QuoteRequest,
        bind: bool,
        agencies: dict[str, str],
        plans: frozenset[tuple[str, dt.date]],
        checked: Checked,
    ) -> list[DomainError]:
        """Rate a row and add it to the good ones. Gives what is refused."""
        refusals = _agency_refusal(request, agencies)
        try:
            version = self._version(request)
            charges = _charges(version, request)
        except DomainError as error:
            return [error, *refusals]
        if not refusals and bind and (request.plan, request.effective_on) not in plans:
            missing = f"No payment plan {request.plan!r} in force on {request.effective_on}."
            refusals.append(NotFound(missing, field="plan"))
        if not refusals:
            checked.good.append(Good(request, bind, version, charges, agencies.get(request.agency_code)))
        return refusals

    def _version(self, request: QuoteRequest) -> ProgramVersion:
        in_force = (v for v in self._versions.get(request.program, ()) if v.effective_from <= request.effective_on)
        version = programs.fitting(next(in_force, None), request.program, request.state, request.effective_on)
        return lifecycle.in_its_currency(version, request)


def _charges(version: ProgramVersion, request: QuoteRequest) -> list[RatedCharge]:
    risk = programs.risk_of(version, request.state, request.effective_on)
    return rating.rate(request.premium, version.terms, risk)


def _agencies(codes: set[str]) -> dict[str, str]:
    known = Organization.objects.filter(code__in=_without_nul(codes))
    return dict(known.values_list("code", "id"))


def _agency_refusal(request: QuoteRequest, agencies: dict[str, str]) -> list[DomainError]:
    code = request.agency_code.strip()
    if not code or code in agencies:
        return []
    return [NotFound(f"No organization with the code {code!r}.", field="agency_code")]


def _without_nul(texts: set[str]) -> set[str]:
    """Texts that the database can be asked for; what holds anything else is refused by its own check."""
    return {text for text in texts if "\x00" not in text}
