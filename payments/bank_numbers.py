"""Pure: routing numbers of banks in the United States, and account numbers as the ACH operator's format takes them."""

from __future__ import annotations

import re

from coverpay.kernel.errors import Invalid

_WEIGHTS = (3, 7, 1) * 3
_ACCOUNT = re.compile(r"[0-9A-Za-z]{3,17}")


class RoutingNumberWrong(Invalid):
    """The routing number has not nine digits, or its check digit does not hold; one of them is mistyped."""

    code = "routing_number_wrong"


class AccountNumberWrong(Invalid):
    """The account number has a length or a character that no bank account has."""

    code = "account_number_wrong"


def routing_number(text: str) -> str:
    """Give a routing number's nine digits when its check digit holds. Raises: RoutingNumberWrong."""
    digits = _bare(text)
    if len(digits) != 9 or not (digits.isascii() and digits.isdecimal()):
        raise RoutingNumberWrong("A routing number has nine digits.", field="routing_number")
    if not _assigned(int(digits[:2])) or sum(w * int(d) for w, d in zip(_WEIGHTS, digits, strict=True)) % 10:
        raise RoutingNumberWrong(
            "This is no routing number: its check digit does not hold. Compare it with the check or the bank's page.",
            field="routing_number",
        )
    return digits


def account_number(text: str) -> str:
    """Give an account number without spaces and hyphens. Raises: AccountNumberWrong."""
    number = _bare(text)
    if not _ACCOUNT.fullmatch(number) or not any(character.isdigit() for character in number):
        raise AccountNumberWrong("An account number has 3 to 17 digits or letters.", field="account_number")
    return number


def _bare(text: str) -> str:
    return re.sub(r"[\s-]", "", text) if isinstance(text, str) else ""


def _assigned(district: int) -> bool:
    """The first two digits: Federal Reserve districts, thrift institutions, electronic ones, traveler's checks."""
    return 1 <= district <= 12 or 21 <= district <= 32 or 61 <= district <= 72 or district == 80
