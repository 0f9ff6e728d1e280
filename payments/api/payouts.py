"""Payouts of processors under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, creates
from payments import settlement
from payments.models import Payout, PayoutLine


class PayoutLineShown(Shown):
    class Meta:
        model = PayoutLine
        fields: ClassVar = ["id", "kind", "our_reference", "gateway_reference", "gross_minor", "fee_minor"]


class PayoutShown(Shown):
    account = serializers.CharField(source="account_id", read_only=True)
    lines = PayoutLineShown(many=True, read_only=True)

    class Meta:
        model = Payout
        fields: ClassVar = ["id", "account", "reference", "amount_minor", "currency", "paid_on", "lines"]


class NewPayoutImport(Asked):
    account = serializers.CharField(max_length=40)
    since = serializers.DateField()


class PayoutsImported(serializers.Serializer[Any]):
    payouts = PayoutShown(many=True)


class Payouts(Rows):
    """What processors paid out, line by line."""

    queryset = Payout.objects.prefetch_related("lines")
    serializer_class = PayoutShown
    filterset_fields: ClassVar = ["account", "reference"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(NewPayoutImport, gives=PayoutsImported)
    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Fetch the processor's payouts since a day; each is recorded once."""
        found = settlement.import_payouts(account_id=asked["account"], since=asked["since"], actor=self.actor)
        return {"payouts": found}


routes = [("payouts", Payouts)]
