"""Start, kill and steer the second card processor."""

from __future__ import annotations

from coverpay.demo.processor.client import Processor


class CardGateway(Processor):
    """As `Processor`, with another house behind the door."""

    module = "tests.support.card_gateway"
