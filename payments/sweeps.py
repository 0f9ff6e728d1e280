"""Do what is due, piece by piece; one piece that fails never keeps the others waiting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from django.db import DatabaseError, OperationalError
from django_fsm import TransitionNotAllowed

from coverpay.kernel.errors import DomainError

log = logging.getLogger(__name__)


def each(ids: Iterable[str], work: Callable[[str], None]) -> int:
    """Do `work` for each id. Gives how many; a refusal is logged and its row waits for the next sweep.

    Raises: OperationalError when the database itself is away, for then nothing else would do better.
    """
    count = 0
    for id in ids:
        count += 1
        try:
            work(id)
        except OperationalError:
            raise
        except (DomainError, DatabaseError, TransitionNotAllowed):
            log.exception("left for the next sweep", extra={"object_id": id})
    return count
