"""Accounts at processors, methods, payments, refunds, disputes, recovery, ACH, deposits, payouts, resolved breaks."""

from payments.models.accounts import GatewayAccount, RoutingTable
from payments.models.ach import AchEntry, AchFile, AchNews
from payments.models.autopay import Autopay, ScheduledPayment
from payments.models.break_resolutions import BreakResolution
from payments.models.charges import Attempt, Payment, PaymentPart
from payments.models.deposits import Deposit, DepositItem
from payments.models.disbursements import CheckRun, Disbursement
from payments.models.disputes import Dispute
from payments.models.health import Breaker
from payments.models.inbound import InboundEvent
from payments.models.links import MethodFees, PayLink
from payments.models.methods import AccountValidation, Mandate, MethodToken, PaymentMethod
from payments.models.payouts import Payout, PayoutLine
from payments.models.recovery import Message, OptOut, RecoveryCase, RecoveryPlan, RecoveryStep
from payments.models.refunds import Refund
from payments.models.sources import SourceItem, SourceKind, SourceLine, SourceMap, SourceStatement

__all__ = [
    "AccountValidation",
    "AchEntry",
    "AchFile",
    "AchNews",
    "Attempt",
    "Autopay",
    "BreakResolution",
    "Breaker",
    "CheckRun",
    "Deposit",
    "DepositItem",
    "Disbursement",
    "Dispute",
    "GatewayAccount",
    "InboundEvent",
    "Mandate",
    "Message",
    "MethodFees",
    "MethodToken",
    "OptOut",
    "PayLink",
    "Payment",
    "PaymentMethod",
    "PaymentPart",
    "Payout",
    "PayoutLine",
    "RecoveryCase",
    "RecoveryPlan",
    "RecoveryStep",
    "Refund",
    "RoutingTable",
    "ScheduledPayment",
    "SourceItem",
    "SourceKind",
    "SourceLine",
    "SourceMap",
    "SourceStatement",
]
