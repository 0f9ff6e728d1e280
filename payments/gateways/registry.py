"""Every gateway by name, one line each."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from coverpay.kernel.errors import Invalid
from payments.gateways.base import Gateway
from payments.gateways.sandbox import Sandbox


class UnknownGateway(Invalid):
    """This installation has no gateway of that name."""

    code = "unknown_gateway"


_GATEWAYS: dict[str, Callable[[], Gateway]] = {
    "sandbox": lambda: Sandbox(settings.SANDBOX_FILE),
}


def names() -> list[str]:
    """The gateways this installation may use."""
    return [name for name in _GATEWAYS if name != "sandbox" or settings.SANDBOX_ENABLED]


def get(name: str) -> Gateway:
    """The gateway of a name. Raises: UnknownGateway."""
    if name not in names():
        raise UnknownGateway(f"No gateway {name!r}; there are {', '.join(names())}.", field="gateway")
    return _GATEWAYS[name]()
