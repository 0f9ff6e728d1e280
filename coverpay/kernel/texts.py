"""What may stand in a text from outside: no control characters, no halves of characters, not too long."""

from __future__ import annotations

import unicodedata

from coverpay.kernel.errors import Invalid

_REFUSED = {"Cc": "control characters", "Cs": "broken characters"}
"""Unicode categories that are never part of a name, number or reason; the database refuses some of them outright."""


class BadText(Invalid):
    """A text that is empty, too long, or holds characters no name has."""

    code = "bad_text"


def line(text: str, *, field: str, at_most: int, empty: bool = False) -> str:
    """Check one line of text and give it without the spaces around it.

    Takes:  `at_most` characters; `empty` says that it may be left out.
    Raises: BadText, naming the field.
    """
    if not isinstance(text, str):
        raise BadText(f"{field} must be a text.", field=field)
    text = text.strip()
    if not text and not empty:
        raise BadText(f"{field} must not be empty.", field=field)
    if len(text) > at_most:
        raise BadText(f"{field} has {len(text)} characters; at most {at_most} fit.", field=field)
    for character in "" if text.isprintable() else text:
        refused = _REFUSED.get(unicodedata.category(character))
        if refused:
            raise BadText(f"{field} holds {refused} ({character!r}); remove them.", field=field)
    return text


def shown(text: str, at_most: int) -> str:
    """Give a text of others in a form that can be kept and shown: short, and no character that cannot be printed."""
    printable = "".join(character if character.isprintable() else "\ufffd" for character in text[: at_most + 1])
    return printable if len(printable) <= at_most else printable[: at_most - 1] + "…"
