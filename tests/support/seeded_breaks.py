"""Breaks that are worked on, for the seeded book: one with a comment, and one resolved as a bank fee."""

from __future__ import annotations

from payments import break_resolutions
from payments.resolution_previews import Wish
from reconciliation import breaks
from reconciliation.models import Break
from tests.support import bai2_writer as writer
from tests.support import resolving
from tests.support.books import House


def worked(house: House) -> None:
    """Say something about the first break, and post one of two fees of another account of ours; the other waits."""
    first = Break.objects.filter(organization=house.operator).earliest("id")
    breaks.comment(break_id=first.id, text="Seeded: asked the bank.", actor=house.me)
    own = resolving.operating(house)
    lines = [writer.Detail("698", minor, ("0",), "", "", "MONTHLY FEE") for minor in (1_250, 300)]
    fee, _ = resolving.stated(house, *lines, account=own)
    break_resolutions.resolve(break_id=fee.id, wish=Wish("bank_fee"), reason="Seeded.", actor=house.me)
