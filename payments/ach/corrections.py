"""Pure: what a notification of change corrects, read from the 29 columns it has for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from payments.ach.layouts import is_routing
from payments.ach.records import ACCOUNT_TYPES

_ACCOUNT = re.compile(r"[0-9A-Za-z]{1,17}").fullmatch
_ACCOUNT_COLUMNS = 17
NOTHING_TO_CHANGE = frozenset({"C13"})
"""Says that an addenda record was unclear; the account stays as it is."""


class CorrectionUnreadable(ValueError):
    """The corrected data is not what its code promises; nothing may be changed by it."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What to write from now on; empty stays as it is. `receiver_id` is the number we know the receiver by."""

    routing_number: str = ""
    account_number: str = ""
    account_type: str = ""
    name: str = ""
    receiver_id: str = ""

    @property
    def changes_account(self) -> bool:
        return bool(self.routing_number or self.account_number or self.account_type)


def read(code: str, corrected: str) -> Correction:
    """Read the corrected data of a change code. Raises: CorrectionUnreadable."""
    if code in NOTHING_TO_CHANGE:
        return Correction()
    if code not in _READERS:
        raise CorrectionUnreadable(f"what {code} corrects is not ours to change here")
    text = corrected.rstrip()
    if not text.strip():
        raise CorrectionUnreadable(f"{code} comes without corrected data")
    return _READERS[code](text)


def _account(text: str) -> Correction:
    return Correction(account_number=_checked_account(text[:_ACCOUNT_COLUMNS].strip(), text[_ACCOUNT_COLUMNS:]))


def _routing(text: str) -> Correction:
    return Correction(routing_number=_checked_routing(text[:9], text[9:]))


def _routing_and_account(text: str) -> Correction:
    account = text[9:].strip()
    return Correction(routing_number=_checked_routing(text[:9]), account_number=_checked_account(account))


def _name(text: str) -> Correction:
    return Correction(name=text[:22].strip())


def _account_type(text: str) -> Correction:
    return Correction(account_type=_checked_type(text.strip()))


def _account_and_type(text: str) -> Correction:
    account, kind = _apart(text)
    return Correction(account_number=_checked_account(account), account_type=_checked_type(kind))


def _all_three(text: str) -> Correction:
    account, kind = _apart(text[9:])
    return Correction(
        routing_number=_checked_routing(text[:9]),
        account_number=_checked_account(account),
        account_type=_checked_type(kind),
    )


def _receiver_id(text: str) -> Correction:
    return Correction(receiver_id=text[:22].strip())


def _apart(text: str) -> tuple[str, str]:
    """An account number and a transaction code: with spaces between them, or the code right after 17 columns."""
    words = text.split()
    if len(words) == 1 and len(text) == _ACCOUNT_COLUMNS + 2:
        return text[:_ACCOUNT_COLUMNS], text[_ACCOUNT_COLUMNS:]
    if len(words) != 2:
        raise CorrectionUnreadable("an account number and a transaction code cannot be told apart")
    return words[0], words[1]


def _checked_account(account: str, rest: str = "") -> str:
    if not _ACCOUNT(account) or rest.strip():
        raise CorrectionUnreadable("the account number has not 1 to 17 digits or letters")
    return account


def _checked_routing(routing: str, rest: str = "") -> str:
    if not is_routing(routing) or rest.strip():
        raise CorrectionUnreadable("the routing number is no routing number")
    return routing


def _checked_type(code: str) -> str:
    if code not in ACCOUNT_TYPES:
        raise CorrectionUnreadable("the transaction code is neither of a checking nor of a savings account")
    return ACCOUNT_TYPES[code]


_READERS = {
    "C01": _account,
    "C02": _routing,
    "C03": _routing_and_account,
    "C04": _name,
    "C05": _account_type,
    "C06": _account_and_type,
    "C07": _all_three,
    "C09": _receiver_id,
}
