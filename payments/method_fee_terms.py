"""Pure: what an organization asks of payors for a way of paying, and what limits let it take of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import BadAmount, Money

PAYEES = ("insurer", "agent", "broker", "producer")
CHANNELS = ("web", "agency")
KINDS = ("surcharge", "convenience")
MAX_PERCENT = Decimal(10)
CREDIT = "credit"
_KEYS = {
    "spec": {"payee", "channels"},
    "channel": {"card", "ach"},
    "card": {"kind", "percent", "flat", "cost_percent"},
    "ach": {"flat"},
}


class FeesUnreadable(Invalid):
    """The spec of method fees says something that cannot be done; the field says where."""

    code = "method_fees_unreadable"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for one way of paying: a percentage (surcharge only) and a flat amount, as written.

    `cost_percent` is what accepting the card costs the organization; networks let a surcharge be no more.
    """

    kind: str
    percent: Decimal = Decimal(0)
    flat: str = "0"
    cost_percent: Decimal | None = None

    @property
    def is_nothing(self) -> bool:
        return not self.percent and not Decimal(self.flat.replace(",", ""))


NOTHING = Asked("convenience")


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """Who is paid (the law treats insurers, agents and brokers apart), and what is asked by channel and method."""

    payee: str = "insurer"
    channels: Mapping[str, Mapping[str, Asked]] = field(default_factory=dict)

    def asked(self, channel: str, method: str) -> Asked:
        return self.channels.get(channel, {}).get(method, NOTHING)


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit in percent of the amount, and where it is from."""

    name: str
    percent: Decimal
    citation: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """Part of a payment under one state's law: `refused` says why nothing may be asked of it, `caps` limit the fee."""

    label: str
    amount: Money
    refused: str = ""
    caps: tuple[Cap, ...] = ()
    citations: tuple[str, ...] = ()

    @property
    def lowest(self) -> Cap | None:
        return min(self.caps, key=lambda cap: cap.percent, default=None)

    def room_minor(self) -> int | None:
        """The most that may be asked of this share; None without a cap."""
        if self.refused:
            return 0
        return None if self.lowest is None else of(self.amount, self.lowest.percent)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a share bears of the fee."""

    share: Share
    fee_minor: int


def read(spec: Any) -> FeeTerms:
    """Read and check a spec.

    Takes:  `payee` insurer, agent, broker or producer; `channels` {web, agency}, each with `card` {kind,
            percent, flat, cost_percent} and `ach` {flat}. A percentage is a surcharge and names what cards cost.
    Raises: FeesUnreadable, naming the key.
    """
    spec = _object(spec, "spec", "spec")
    payee = spec.get("payee", "insurer")
    if payee not in PAYEES:
        raise FeesUnreadable(f"payee is one of {', '.join(PAYEES)}.", field="payee")
    channels = spec.get("channels") or {}
    if not isinstance(channels, Mapping) or not all(name in CHANNELS for name in channels):
        raise FeesUnreadable(f"channels is an object with {', '.join(CHANNELS)}.", field="channels")
    return FeeTerms(payee, {name: _channel(asked, name) for name, asked in channels.items()})


def take(asked: Asked, shares: Sequence[Share], currency: str) -> list[Taken]:
    """How much of what is asked each share bears: never above its lowest cap, nothing where it is refused.

    The flat amount is asked once, and only when no share is refused; it goes where caps leave room. Rounded down.
    """
    taken = [Taken(share, _within(share, of(share.amount, asked.percent))) for share in shares]
    if any(share.refused for share in shares):
        return taken
    flat = Money.parse(asked.flat, currency, field="flat").amount_minor
    result = []
    for each in taken:
        more = _within(each.share, each.fee_minor + flat) - each.fee_minor
        flat -= more
        result.append(Taken(each.share, each.fee_minor + more))
    return result


def of(amount: Money, percent: Decimal) -> int:
    """A percentage of an amount in minor units, rounded down."""
    return int((amount.amount_minor * percent * Decimal("0.01")).to_integral_value(ROUND_FLOOR))


def _within(share: Share, fee_minor: int) -> int:
    room = share.room_minor()
    return fee_minor if room is None else min(fee_minor, room)


def _channel(asked: Any, name: str) -> dict[str, Asked]:
    asked = _object(asked, "channel", name)
    return {
        method: (_card if method == "card" else _ach)(asked[method]) for method in ("card", "ach") if method in asked
    }


def _card(asked: Any) -> Asked:
    asked = _object(asked, "card", "card")
    kind = asked.get("kind", "surcharge")
    if kind not in KINDS:
        raise FeesUnreadable(f"kind is one of {', '.join(KINDS)}.", field="kind")
    percent, cost = _percent(asked.get("percent", "0"), "percent"), asked.get("cost_percent")
    if kind == "convenience" and (percent or cost is not None):
        raise FeesUnreadable("A convenience fee is a flat amount; networks know no other.", field="percent")
    if kind == "surcharge" and cost is None:
        raise FeesUnreadable("A surcharge is at most what cards cost: say cost_percent.", field="cost_percent")
    return Asked(kind, percent, _flat(asked), None if cost is None else _percent(cost, "cost_percent"))


def _ach(asked: Any) -> Asked:
    return Asked("convenience", flat=_flat(_object(asked, "ach", "ach")))


def _flat(asked: Mapping[str, Any]) -> str:
    try:
        money = Money.parse(asked.get("flat", "0"), "KWD", field="flat")
    except BadAmount as error:
        raise FeesUnreadable(error.message, field="flat") from None
    if money.amount_minor < 0:
        raise FeesUnreadable("flat is zero or more.", field="flat")
    return str(asked.get("flat", "0"))


def _percent(value: Any, key: str) -> Decimal:
    try:
        percent = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        percent = Decimal("NaN")
    if not percent.is_finite() or not 0 <= percent <= MAX_PERCENT or percent != round(percent, 4):
        raise FeesUnreadable(f'{key} is a text like "2.5", from 0 to {MAX_PERCENT}, four decimals at most.', field=key)
    return percent


def _object(value: Any, name: str, at: str) -> Mapping[str, Any]:
    known = ", ".join(sorted(_KEYS[name]))
    if not isinstance(value, Mapping):
        raise FeesUnreadable(f"{at} is an object with {known}.", field=at)
    for key in value:
        if key not in _KEYS[name]:
            raise FeesUnreadable(f"{at} has no {str(key)[:40]!r}; it has {known}.", field=at)
    return value
