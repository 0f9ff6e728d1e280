"""Pure: the rules of a routing table: whether they can be read, whether one fits, and both in words.

A rule is `{"name"?, "when"?: {...}, "to": ..., "only"?: true}`; `"gateway": name` is short for `"to": [name]`. `to`
is a list of choices in order, `{"split": [{"to", "weight"}]}` or `{"cheapest": [...]}`; a choice is a gateway's name
(all of the organization's accounts there) or an account's id. `only`: no later rule is read once this one fits.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import EXPONENTS, MAX_MINOR, Money

METHODS = ("card", "ach", "check", "wire", "cash", "premium_finance")
CHARGEABLE = ("card", "ach")
"""Methods that a token or a bank account can be charged by; the others arrive on their own."""

PAYERS = ("consumer", "business")
FUNDINGS = ("credit", "debit", "prepaid")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_RULES = 100
MAX_NAME = 80
MAX_WEIGHT = 10_000

Rule = Mapping[str, Any]


class RulesUnreadable(Invalid):
    """A routing table's rule says something that cannot be done."""

    code = "rules_unreadable"


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """What a rule may ask about. Empty means that it is not known, and then a rule that asks for it does not fit.

    `reference` is what a split goes by: the same reference always gets the same answer. `programs` and `organizations`
    hold ids and codes. `token_accounts` are the accounts where the method can be charged; None: anywhere. `bare_token`
    says that a token was named which only one account knows, so that a payment cannot go on elsewhere.
    """

    method: str
    amount: Money
    reference: str = ""
    programs: frozenset[str] = frozenset()
    state: str = ""
    organizations: frozenset[str] = frozenset()
    payer: str = ""
    funding: str = ""
    brand: str = ""
    at: dt.datetime | None = None
    token_accounts: frozenset[str] | None = None
    bare_token: bool = False
    holds: bool = False


@dataclass(slots=True)
class _Where:
    """Where in the rules we read, for the error."""

    rule: int
    gateways: Collection[str] = field(default_factory=tuple)
    accounts: Collection[str] = field(default_factory=tuple)

    def refuse(self, key: str, says: str) -> RulesUnreadable:
        return RulesUnreadable(f"Rule {self.rule}, `{key}`: {says}", field="rules", rule=self.rule, key=key)


def check(rules: Any, gateways: Collection[str], accounts: Collection[str] = ()) -> None:
    """Check a table's rules. Raises: RulesUnreadable with `rule` (its number) and `key` (where in it)."""
    if not isinstance(rules, list | tuple):
        raise RulesUnreadable("Rules are a list.", field="rules")
    if len(rules) > MAX_RULES:
        raise RulesUnreadable(f"A table has at most {MAX_RULES} rules.", field="rules")
    for number, rule in enumerate(rules, start=1):
        where = _Where(number, gateways, accounts)
        if not isinstance(rule, Mapping):
            raise where.refuse("rule", "a rule is an object with `to` and maybe `when`, `name` and `only`.")
        _only_keys(where, "rule", rule, ("name", "when", "to", "gateway", "only"))
        name = rule.get("name", "")
        if not isinstance(name, str) or len(name) > MAX_NAME or not name.isprintable():
            raise where.refuse("name", f"a name is a text of at most {MAX_NAME} characters.")
        if not isinstance(rule.get("only", False), bool):
            raise where.refuse("only", "true or false.")
        _check_when(where, rule.get("when", {}))
        _check_to(where, rule)


def _check_when(where: _Where, when: Any) -> None:
    if not isinstance(when, Mapping):
        raise where.refuse("when", f"an object of conditions: {', '.join(_CONDITIONS)}.")
    _only_keys(where, "when", when, _CONDITIONS)
    for key, said in when.items():
        _CONDITIONS[key].check(where, f"when.{key}", said)


def _check_to(where: _Where, rule: Rule) -> None:
    if ("to" in rule) == ("gateway" in rule):
        raise where.refuse("to", "say either `to` or `gateway`.")
    if "gateway" in rule:
        _check_choice(where, "gateway", rule["gateway"])
        return
    to = rule["to"]
    if isinstance(to, Mapping) and set(to) == {"split"}:
        _check_split(where, to["split"])
    elif isinstance(to, Mapping) and set(to) == {"cheapest"}:
        _check_choices(where, "to.cheapest", to["cheapest"])
    elif isinstance(to, Mapping):
        raise where.refuse("to", "a list of choices, or an object with `split` or `cheapest`.")
    else:
        _check_choices(where, "to", to)


def _check_split(where: _Where, shares: Any) -> None:
    if not isinstance(shares, list | tuple) or not shares:
        raise where.refuse("to.split", "a list of `to` and `weight`.")
    for place, share in enumerate(shares, start=1):
        key = f"to.split.{place}"
        if not isinstance(share, Mapping) or set(share) != {"to", "weight"}:
            raise where.refuse(key, "says `to` and `weight`.")
        _check_choice(where, f"{key}.to", share["to"])
        if type(share["weight"]) is not int or not 0 <= share["weight"] <= MAX_WEIGHT:
            raise where.refuse(f"{key}.weight", f"a whole number from 0 to {MAX_WEIGHT:,}.")
    if not any(share["weight"] for share in shares):
        raise where.refuse("to.split", "one weight at least is above zero.")
    if len({share["to"] for share in shares}) < len(shares):
        raise where.refuse("to.split", "names a choice twice.")


def _check_choices(where: _Where, key: str, choices: Any) -> None:
    if not isinstance(choices, list | tuple) or not choices:
        raise where.refuse(key, "a list of gateways or account ids, at least one.")
    for place, choice in enumerate(choices, start=1):
        _check_choice(where, f"{key}.{place}", choice)
    if len(set(choices)) < len(choices):
        raise where.refuse(key, "names a choice twice.")


def _check_choice(where: _Where, key: str, choice: Any) -> None:
    if not isinstance(choice, str) or choice not in [*where.gateways, *where.accounts]:
        raise where.refuse(key, f"one of {', '.join([*where.gateways, *where.accounts]) or 'no gateway'}.")


def _only_keys(where: _Where, key: str, found: Mapping[Any, Any], allowed: Collection[str]) -> None:
    for other in found:
        if other not in allowed:
            inside = str(other) if key == "rule" else f"{key}.{other}"
            raise where.refuse(inside, f"is not known; there are {', '.join(allowed)}.")


@dataclass(frozen=True, slots=True)
class _Condition:
    """One kind of condition: is it well-formed, does a request miss it (why), and what it says in words."""

    check: Callable[[_Where, str, Any], None]
    misses: Callable[[Any, RouteRequest], str | None]
    words: Callable[[Any], str]


def _one_of(name: str, known: Collection[str] | None, value: Callable[[RouteRequest], str]) -> _Condition:
    """A condition that lists values, one of which the request has."""

    def misses(said: Sequence[str], request: RouteRequest) -> str | None:
        has = value(request)
        if has in said:
            return None
        return f"is for {', '.join(said)}, not {has}" if has else f"asks for the {name}, which is not known"

    return _Condition(_listed(name, known), misses, lambda said: f"{name} {' or '.join(said)}")


def _any_of(name: str, values: Callable[[RouteRequest], frozenset[str]]) -> _Condition:
    """A condition that lists names, one of which is among those of the request."""

    def misses(said: Sequence[str], request: RouteRequest) -> str | None:
        return None if values(request) & set(said) else f"is for {name} {', '.join(said)}"

    return _Condition(_listed(name, None), misses, lambda said: f"{name} {' or '.join(said)}")


def _listed(name: str, known: Collection[str] | None) -> Callable[[_Where, str, Any], None]:
    wanted = f"a list, some of {', '.join(known)}." if known else f"a list of one {name} or more."

    def check(where: _Where, key: str, said: Any) -> None:
        good = isinstance(said, list | tuple) and said and all(isinstance(value, str) and value for value in said)
        if not good or (known is not None and not set(said) <= set(known)):
            raise where.refuse(key, wanted)

    return check


def _check_amount(where: _Where, key: str, said: Any) -> None:
    if not isinstance(said, Mapping) or not said:
        raise where.refuse(key, "an object with `min_minor` or `max_minor` or both.")
    _only_keys(where, key, said, ("min_minor", "max_minor"))
    for end, minor in said.items():
        if type(minor) is not int or not 0 <= minor <= MAX_MINOR:
            raise where.refuse(f"{key}.{end}", "whole minor units, not below zero.")
    if said.get("min_minor", 0) > said.get("max_minor", MAX_MINOR):
        raise where.refuse(key, "`min_minor` is above `max_minor`.")


def _misses_amount(said: Mapping[str, int], request: RouteRequest) -> str | None:
    if said.get("min_minor", 0) <= request.amount.amount_minor <= said.get("max_minor", MAX_MINOR):
        return None
    return f"is for amounts {_amount_words(said)} minor units, not {request.amount}"


def _amount_words(said: Mapping[str, int]) -> str:
    parts = [f"{word} {said[end]:,}" for word, end in (("from", "min_minor"), ("up to", "max_minor")) if end in said]
    return " ".join(parts)


def _check_card(where: _Where, key: str, said: Any) -> None:
    if not isinstance(said, Mapping) or not said:
        raise where.refuse(key, "an object with `funding` or `brand` or both.")
    _only_keys(where, key, said, ("funding", "brand"))
    if "funding" in said:
        _listed("funding", FUNDINGS)(where, f"{key}.funding", said["funding"])
    if "brand" in said:
        _listed("brand", None)(where, f"{key}.brand", said["brand"])


def _misses_card(said: Mapping[str, Sequence[str]], request: RouteRequest) -> str | None:
    for name, has in (("funding", request.funding), ("brand", request.brand.lower())):
        wanted = [value.lower() for value in said.get(name, ())]
        if name in said and has not in wanted:
            return f"is for {', '.join(wanted)} cards, not {has}" if has else f"asks for the {name}, which is not known"
    return None


def _check_time(where: _Where, key: str, said: Any) -> None:
    if not isinstance(said, Mapping):
        raise where.refuse(key, "an object with `zone` and `weekdays`, `from`, `until`, `first_day` or `last_day`.")
    _only_keys(where, key, said, ("zone", "weekdays", "from", "until", "first_day", "last_day"))
    try:
        zoneinfo.ZoneInfo(said.get("zone", ""))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise where.refuse(f"{key}.zone", "a zone by name, such as America/New_York.") from None
    if set(said) == {"zone"}:
        raise where.refuse(key, "says when: `weekdays`, `from` and `until`, `first_day` or `last_day`.")
    if "weekdays" in said:
        _listed("weekday", WEEKDAYS)(where, f"{key}.weekdays", said["weekdays"])
    if ("from" in said) != ("until" in said):
        raise where.refuse(key, "`from` and `until` come together.")
    for end, said_there in said.items():
        if end in ("from", "until") and not _reads(said_there, dt.time, "%H:%M"):
            raise where.refuse(f"{key}.{end}", "a time of day such as 08:30.")
        if end in ("first_day", "last_day") and not _reads(said_there, dt.date, "%Y-%m-%d"):
            raise where.refuse(f"{key}.{end}", "a day such as 2026-12-24.")


def _reads(said: Any, kind: type[dt.time] | type[dt.date], shape: str) -> bool:
    try:
        return isinstance(said, str) and kind.fromisoformat(said).strftime(shape) == said
    except (ValueError, TypeError):
        return False


def _misses_time(said: Mapping[str, Any], request: RouteRequest) -> str | None:
    if request.at is None:
        return "asks for the time, which is not known"
    there = request.at.astimezone(zoneinfo.ZoneInfo(said["zone"]))
    weekday, clock = WEEKDAYS[there.weekday()], there.strftime("%H:%M")
    fits = (
        weekday in said.get("weekdays", WEEKDAYS)
        and said.get("first_day", "") <= there.date().isoformat() <= said.get("last_day", "9999-12-31")
        and ("from" not in said or _between(said["from"], clock, said["until"]))
    )
    return None if fits else f"is for {_time_words(said)}; there it is {weekday} {there.date()} {clock}"


def _between(start: str, clock: str, end: str) -> bool:
    """Whether a time of day lies from `start` up to, not including, `end`; past midnight when `end` is earlier."""
    return start <= clock < end if start < end else clock >= start or clock < end


def _time_words(said: Mapping[str, Any]) -> str:
    parts = [", ".join(said["weekdays"])] if "weekdays" in said else []
    if "from" in said:
        parts.append(f"{said['from']} to {said['until']}")
    if "first_day" in said:
        parts.append(f"from {said['first_day']}")
    if "last_day" in said:
        parts.append(f"up to {said['last_day']}")
    return f"{' '.join(parts)} ({said['zone']})"


_CONDITIONS: dict[str, _Condition] = {
    "method": _one_of("method", METHODS, lambda request: request.method),
    "amount": _Condition(_check_amount, _misses_amount, lambda said: f"amount {_amount_words(said)} minor units"),
    "currency": _one_of("currency", tuple(EXPONENTS), lambda request: request.amount.currency),
    "program": _any_of("program", lambda request: request.programs),
    "state": _one_of("state", None, lambda request: request.state),
    "organization": _any_of("organization", lambda request: request.organizations),
    "payer": _one_of("payer", PAYERS, lambda request: request.payer),
    "card": _Condition(
        _check_card,
        _misses_card,
        lambda said: " ".join(" or ".join(said[name]) for name in ("brand", "funding") if name in said) + " card",
    ),
    "time": _Condition(_check_time, _misses_time, _time_words),
}


def misses(rule: Rule, request: RouteRequest) -> str | None:
    """Why a rule does not fit a request; None when it does."""
    for key, said in rule.get("when", {}).items():
        why = _CONDITIONS[key].misses(said, request)
        if why is not None:
            return why
    return None


def asks(rules: Sequence[Rule]) -> frozenset[str]:
    """The kinds of condition that rules use, so that nothing else has to be looked up."""
    return frozenset(key for rule in rules for key in rule.get("when", {}))


def when_in_words(rule: Rule) -> str:
    """A rule's conditions for a person."""
    said = [_CONDITIONS[key].words(value) for key, value in rule.get("when", {}).items()]
    return "; ".join(said) or "every payment"


def to_in_words(rule: Rule, names: Mapping[str, str]) -> str:
    """Where a rule sends payments, for a person; `names` are what account ids are called."""
    to = rule.get("to", [rule.get("gateway", "")])
    if isinstance(to, Mapping) and "split" in to:
        total = sum(share["weight"] for share in to["split"])
        shares = [f"{names.get(share['to'], share['to'])} {share['weight']} of {total}" for share in to["split"]]
        return f"split: {', '.join(shares)}"
    if isinstance(to, Mapping):
        return f"the cheapest of {', '.join(names.get(choice, choice) for choice in to['cheapest'])}"
    return ", then ".join(names.get(choice, choice) for choice in to)


def choices(rule: Rule) -> list[str]:
    """Every gateway and account a rule names."""
    to = rule.get("to", [rule.get("gateway", "")])
    if isinstance(to, Mapping):
        return [share["to"] for share in to["split"]] if "split" in to else list(to["cheapest"])
    return list(to)
