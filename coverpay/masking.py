"""Keep card and account numbers out of the logs, whoever writes them and however."""

from __future__ import annotations

import logging
import re
from typing import Any

import structlog

from coverpay.kernel import card_numbers

_NUMBERS_OF_ACCOUNTS = re.compile(
    r"(?i)(\b(?:account|acct|iban|konto)[\w ]{0,12}?(?:number|no|nr|num|#)?\W{0,4})(\d[\d -]{2,20}\d)(?=\d{0,4}\b)"
)
_SECRET_NAMES = re.compile(
    r"(?i)^(?:.*_)?(?:account_number|routing_number|card_number|pan|cvc|cvv|token|client_secret|webhook_secret|password"
    r"|authorization|idempotency_key)$"
)
HIDDEN = "[hidden]"


def mask(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Mask every value of a log event: a structlog processor."""
    return {name: _masked(name, value) for name, value in event.items()}


def text(line: str) -> str:
    """A line with card numbers, and numbers said to be of accounts, masked but for their last four."""
    return _NUMBERS_OF_ACCOUNTS.sub(lambda found: found[1] + _stars(found[2]), card_numbers.masked(line))


class MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats as structlog does; what was appended after its processors, such as a traceback, is masked too."""

    def format(self, record: logging.LogRecord) -> str:
        return text(super().format(record))


def _masked(name: str, value: Any) -> Any:
    if value and isinstance(value, str | int) and not isinstance(value, bool) and _SECRET_NAMES.match(name):
        return HIDDEN
    match value:
        case str():
            return text(value)
        case bool() | None:
            return value
        case int() | float():
            return value if card_numbers.find(str(value)) is None else card_numbers.masked(str(value))
        case dict():
            return {key: _masked(str(key), inner) for key, inner in value.items()}
        case list() | tuple():
            return [_masked(name, inner) for inner in value]
    return value


def _stars(number: str) -> str:
    return "*" * max(len(number) - 4, 0) + number[-4:]
