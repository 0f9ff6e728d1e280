"""One hand of `bank_storm` in a process of its own, on the demo book of a running stack.

python -m tests.support.bank_hands walk NAME SEED STEPS     takes steps; fails where anything but a rule refuses
python -m tests.support.bank_hands prove SEED               prints what must never be, as JSON
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from tests.support.books import House


def main(arguments: list[str]) -> None:
    django.setup()
    from tests.support import bank_storm

    if arguments[0] == "walk":
        _, name, seed, steps = arguments
        storm = bank_storm.Storm(_demo(), int(seed))
        hand = storm.hand(name)
        storm.walk(hand, int(steps))
        _say({"done": hand.done, "refused": hand.refused})
    else:
        storm = bank_storm.Storm(_demo(), int(arguments[1]))
        _say(bank_storm.faults(storm) + bank_storm.settled(storm) + bank_storm.faults(storm))


def _say(told: object) -> None:
    sys.stdout.write(json.dumps(told) + "\n")


def _demo() -> House:
    """The operator of the demo book, as the storm wants a house."""
    from compliance.models import Organization
    from coverpay.demo import book
    from payments.models import GatewayAccount
    from reconciliation.models import BankAccount
    from tests.support.books import House

    operator = Organization.objects.get(code="harbor")
    bank = BankAccount.objects.get(organization=operator, account_mark=book.ACCOUNT_MARK)
    account = GatewayAccount.objects.get(organization=operator, gateway="sandbox")
    carrier = Organization.objects.filter(kind="carrier").order_by("id")[0]
    return House(operator, carrier, book.administrator(operator), bank, account)


if __name__ == "__main__":
    main(sys.argv[1:])
