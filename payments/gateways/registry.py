"""Every gateway by name, one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from coverpay.kernel.errors import Invalid
from payments import expected
from payments.ach import terms
from payments.ach.desk import Desk
from payments.gateways import authorizenet, manual, nacha, sandbox, stripe
from payments.gateways.base import Capabilities, Connection, Gateway


class UnknownGateway(Invalid):
    """This installation has no gateway of that name."""

    code = "unknown_gateway"


@dataclass(frozen=True, slots=True)
class Entry:
    """How a gateway is built for an account, what it can do, and what the account must bring.

    `credentials` and `settings` name what has to be there; `optional` settings may be. `makes_secret` says that we make
    the secret its webhooks are signed with; else the processor gives it, and the account has to bring it.
    `shares_tokens` says that a token of one account holds at every other of this gateway, `takes_account_numbers` that
    it charges bank accounts by their number, which needs no token.
    """

    build: Callable[[Connection], Gateway]
    capabilities: Capabilities
    credentials: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    makes_secret: bool = False
    shares_tokens: bool = False
    takes_account_numbers: bool = False


_GATEWAYS: dict[str, Entry] = {
    "sandbox": Entry(
        lambda connection: sandbox.Sandbox(settings.SANDBOX_FILE),
        sandbox.Sandbox.capabilities,
        makes_secret=True,
        shares_tokens=True,
    ),
    "manual": Entry(
        lambda connection: manual.Manual(expected.ExpectedPayments()),
        manual.Manual.capabilities,
        optional=manual.COLUMN_SETTINGS,
        makes_secret=True,
        shares_tokens=True,
    ),
    "nacha": Entry(
        lambda connection: nacha.Nacha(Desk(connection.merchant)),
        nacha.Nacha.capabilities,
        settings=terms.REQUIRED,
        optional=terms.OPTIONAL,
        makes_secret=True,
        takes_account_numbers=True,
    ),
    "authorizenet": Entry(
        authorizenet.AuthorizeNet,
        authorizenet.AuthorizeNet.capabilities,
        credentials=("login_id", "transaction_key"),
        optional=("base_url", "connect_seconds", "read_seconds"),
    ),
    "stripe": Entry(
        stripe.Stripe,
        stripe.Stripe.capabilities,
        credentials=("secret_key",),
        optional=(
            "base_url",
            "connected_account",
            "publishable_key",
            "script_url",
            "connect_seconds",
            "read_seconds",
        ),
    ),
}


def names() -> list[str]:
    """The gateways this installation may use."""
    return [name for name in _GATEWAYS if name != "sandbox" or settings.SANDBOX_ENABLED]


def entry(name: str) -> Entry:
    """What is registered under a name. Raises: UnknownGateway."""
    if name not in names():
        raise UnknownGateway(f"No gateway {name!r}; there are {', '.join(names())}.", field="gateway")
    return _GATEWAYS[name]


def get(name: str, connection: Connection) -> Gateway:
    """The gateway of a name, for one account. Raises: UnknownGateway."""
    return entry(name).build(connection)
