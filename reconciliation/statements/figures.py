"""Decimal amounts of statement files, read into minor units exactly."""

from __future__ import annotations

import re

from coverpay.kernel.money import EXPONENTS, MAX_MINOR

_SHORT = len(str(MAX_MINOR)) - 1
"""Digits that are never too many."""
_DECIMAL = re.compile(r"([+-]?)([0-9]{1,18})(?:\.([0-9]{0,18}))?|([+-]?)\.([0-9]{1,18})")


class BadFigure(ValueError):
    """What stands there is no amount; `code` is the problem's, the text is the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def minor(text: str, currency: str, *, signed: bool = False) -> int:
    """Read a decimal with a point. Zeros past the currency's decimals are allowed, other digits are not.

    Raises: BadFigure.
    """
    places = EXPONENTS[currency]
    whole, _, decimals = text.partition(".")
    digits = (whole[1:] if signed and text.startswith(("-", "+")) else whole) + decimals
    if len(decimals) == places and len(digits) <= _SHORT and digits.isdecimal() and digits.isascii():
        return -int(digits) if text.startswith("-") else int(digits)  # as nearly all are written
    read = _DECIMAL.fullmatch(text)
    if read is None:
        raise BadFigure("bad_amount", f"{text[:30]!r} is no amount.")
    sign, whole, decimals = read[1] or read[4] or "", read[2] or "0", read[3] or read[5] or ""
    if sign and not signed:
        raise BadFigure("signed_amount", f"The amount {text[:30]} has a sign; a mark beside it says which way it goes.")
    if decimals[places:].strip("0"):
        raise BadFigure("bad_amount", f"{text[:30]} has more than the {places} decimals of {currency}.")
    found = int(whole + decimals[:places].ljust(places, "0"))
    if found > MAX_MINOR:
        raise BadFigure("amount_too_large", f"The amount {text[:30]} is larger than any amount we accept.")
    return -found if sign == "-" else found
