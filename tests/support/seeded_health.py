"""A processor account that failed, for the seeded book."""

from __future__ import annotations

from compliance import audit
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from payments import health
from payments.models import GatewayAccount
from tests.support.books import House


def failed(house: House) -> None:
    """Keep one failure of the house's processor; its breaker stays closed."""
    _fail(account_id=house.account.id, actor=house.me)


@command
def _fail(*, account_id: str, actor: Actor) -> None:
    account = GatewayAccount.objects.get(pk=account_id)
    health.failed(account, "no answer within the time limit")
    audit.record(action="test.fail", object_id=account.id, organization_id=account.organization_id)
