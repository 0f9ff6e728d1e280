"""Accounts at processors, payments with their attempts and refunds, inbound webhooks, payouts."""

from payments.models.accounts import GatewayAccount, RoutingTable
from payments.models.autopay import Autopay
from payments.models.charges import Attempt, Payment
from payments.models.inbound import InboundEvent
from payments.models.payouts import Payout, PayoutLine
from payments.models.refunds import Refund

__all__ = [
    "Attempt",
    "Autopay",
    "GatewayAccount",
    "InboundEvent",
    "Payment",
    "Payout",
    "PayoutLine",
    "Refund",
    "RoutingTable",
]
