"""Start, kill and steer the second card processor."""

from __future__ import annotations

from tests.support.processor.client import Processor


class CardGateway(Processor):
    """As `Processor`, with another house behind the door."""

    module = "tests.support.card_gateway"
