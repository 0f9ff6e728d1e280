"""What confirmed matches teach of how banks spell payors: kept openly, used by matching until it is retired."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import bus, clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition
from reconciliation.events import PartiesBehind
from reconciliation.matching import Alias, BankLine, BookLine
from reconciliation.matching.names import is_name, normal_name
from reconciliation.models import Match, PayorAlias

LONGEST, SHORTEST = 200, 4
OF_BANKS = frozenset((
    "ACCT", "ACH", "BANK", "BRANCH", "CAPTURE", "CCD", "CHECK", "CHECKS", "CREDIT", "CREDITS", "CTX", "CUSTOMER",
    "DEBIT", "DEP", "DEPOSIT", "DEPOSITS", "DES", "DIRECT", "DOMESTIC", "EFT", "ELECTRONIC", "FEDWIRE", "FROM", "ID",
    "INCOMING", "INDN", "INTERNET", "LOCKBOX", "MOBILE", "NAME", "ONLINE", "ORIG", "PAYMENT", "PAYMENTS", "PMT", "PPD",
    "PREMIUM", "REF", "REMOTE", "SEPA", "SWIFT", "TO", "TRANSFER", "TRN", "WEB", "WIRE", "ZELLE",
))  # fmt: skip
"""Words that say how money came, not from whom."""


class Voices:
    """What was learnt and not retired: matching hears it, and what it spoke for says so."""

    def __init__(self, organization_id: str) -> None:
        rows = PayorAlias.objects.filter(organization_id=organization_id, ended_at=None).order_by("id")
        self._rows: dict[str, list[PayorAlias]] = {}
        for row in rows:
            self._rows.setdefault(row.normal_text, []).append(row)

    def for_lines(self, banks: Iterable[BankLine]) -> list[Alias]:
        """The aliases that these bank lines' words call up, in the words as they stand."""
        if not self._rows:
            return []
        words = {line.payer or line.text for line in banks}
        return [Alias(said, row.party) for said in sorted(words) for row in self._rows.get(spelled(said), ())]

    def spoke(self, banks: Iterable[BankLine], books: Iterable[BookLine]) -> dict[str, dict[str, str]]:
        """What to keep with a grouping when an alias ties a bank line's words to the party of its book lines."""
        if not self._rows:
            return {}
        parties = {line.party for line in books if line.party}
        for line in banks:
            for row in self._rows.get(spelled(line.payer or line.text), ()):
                if row.party in parties:
                    return {"alias": {"id": row.id, "bank": row.normal_text, "books": row.party}}
        return {}


def spelled(said: str) -> str:
    """Spell the bank's words for a party: without numbers and without what banks write on every line.

    Nothing when too little is left to tell one party from another.
    """
    words = [word for word in normal_name(said).split() if len(word) > 1 and word.isalpha() and word not in OF_BANKS]
    spelling = " ".join(words)[:LONGEST]
    return spelling if len(spelling) >= SHORTEST else ""


@step
def learn(match: Match, actor: Actor) -> list[PayorAlias]:
    """Learn from a match that a person confirmed: the bank's words for the one party of all its book lines.

    Nothing is learnt when the books do not know the party, know several, or the bank writes nothing or the same name.
    """
    organization_id = match.bank_account.organization_id
    sources = tuple(line.entry.source_id for line in match.ledger_lines)
    parties = bus.ask(PartiesBehind(organization_id, sources))
    names = {parties.get(source, "") for source in sources}
    party = names.pop()[:LONGEST] if len(names) == 1 else ""
    if not is_name(party):
        return []
    words = {spelled(said): said.strip() for line in match.statement_lines for said in [line.payer or line.text]}
    words.pop(spelled(party), None)
    return [_learnt(match, party, text, said, actor) for text, said in words.items() if text]


def _learnt(match: Match, party: str, text: str, said: str, actor: Actor) -> PayorAlias:
    rows = PayorAlias.objects.filter(organization_id=match.bank_account.organization_id, ended_at=None)
    known = rows.filter(normal_text=text, party=party).first()
    if known is not None:
        PayorAlias.objects.filter(pk=known.pk).update(times_seen=F("times_seen") + 1, last_seen_at=clock.now())
        return known
    learnt = PayorAlias.objects.create(
        organization_id=match.bank_account.organization_id,
        normal_text=text,
        bank_text=texts.shown(said, LONGEST),
        party=party,
        learnt_from=match,
        learnt_by=actor.id,
    )
    audit.record(
        action="payor_alias.learn",
        object_id=learnt.id,
        organization_id=learnt.organization_id,
        after={"normal_text": text, "party": party, "match": match.id},
    )
    return learnt


@step
def forget(match: Match, actor: Actor) -> None:
    """Retire what was learnt from a match that is undone."""
    for alias in PayorAlias.objects.filter(learnt_from=match, ended_at=None):
        _retire(alias, f"The match it was learnt from ({match.id}) was undone.", actor)


@command
def retire(*, alias_id: str, reason: str, actor: Actor) -> PayorAlias:
    """Let matching use an alias no longer; it stays as history.

    Raises: Forbidden, NotFound, BadText without a reason, IllegalTransition when it was retired before.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    rows = PayorAlias.objects.select_for_update(no_key=True, of=("self",))
    alias = access.get_operable(actor, rows, alias_id, permission=Permission.RECONCILIATION_WRITE)
    if alias.ended_at is not None:
        raise IllegalTransition("The alias is retired already.", field="alias")
    _retire(alias, reason, actor)
    return alias


def _retire(alias: PayorAlias, reason: str, actor: Actor) -> None:
    alias.ended_at, alias.ended_by, alias.ended_reason = clock.now(), actor.id, reason
    alias.save(update_fields=["ended_at", "ended_by", "ended_reason"])
    audit.record(
        action="payor_alias.retire",
        object_id=alias.id,
        organization_id=alias.organization_id,
        before={"normal_text": alias.normal_text, "party": alias.party},
        reason=reason,
    )
