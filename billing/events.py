"""What billing tells the layers above."""

from __future__ import annotations

from dataclasses import dataclass

from coverpay.kernel.bus import Event


@dataclass(frozen=True, slots=True)
class SuspenseMoved(Event):
    """A suspense item was placed on a policy, taken out again, or its money left. The item is locked."""

    item_id: str
    state: str
    policy_id: str
    reason: str
