"""Payouts of processors under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance import access
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, creates, shows
from payments import settlement, three_way
from payments.models import Payout, PayoutLine
from payments.three_way import ThreeWay


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


class LineSidesShown(serializers.Serializer[Any]):
    line = serializers.CharField(source="line.id")
    kind = serializers.CharField(source="line.kind")
    our_reference = serializers.CharField(source="line.our_reference", allow_blank=True)
    ours_minor = serializers.IntegerField(allow_null=True, help_text="What we have of it; null: nothing of ours.")
    gross_minor = serializers.IntegerField(source="line.gross_minor")
    fee_minor = serializers.IntegerField(source="line.fee_minor")
    difference_minor = serializers.IntegerField(help_text="The processor less us.")


class PayoutSidesShown(serializers.Serializer[Any]):
    payout = serializers.CharField(source="payout.id")
    currency = serializers.CharField()
    ours_minor = serializers.IntegerField(help_text="Our attempts less refunds, returns and disputes.")
    gross_minor = serializers.IntegerField(help_text="What the processor reports.")
    fee_minor = serializers.IntegerField()
    net_minor = serializers.IntegerField(help_text="What should reach the bank.")
    bank_minor = serializers.IntegerField(allow_null=True, help_text="What the bank shows; null: not seen yet.")
    processor_less_ours_minor = serializers.IntegerField()
    bank_less_processor_minor = serializers.IntegerField(allow_null=True)
    fees_posted_minor = serializers.IntegerField(help_text="What of it posted fees explain.")
    unexplained_minor = serializers.IntegerField(allow_null=True)
    ties = serializers.BooleanField()
    statement_lines = serializers.SerializerMethodField()
    breaks = serializers.SerializerMethodField(help_text="Open breaks about it.")
    lines = LineSidesShown(many=True)

    def get_statement_lines(self, sides: ThreeWay) -> list[str]:
        return [line.id for line in sides.bank_lines]

    def get_breaks(self, sides: ThreeWay) -> list[str]:
        return [found.id for found in sides.breaks]


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

    @shows(PayoutSidesShown)
    def sides(self, id: str) -> ThreeWay:
        """Its three sides: what we have, what the processor reports, what the bank shows; each difference signed."""
        rows = Payout.objects.select_related("account__bank_account")
        return three_way.of_payout(self.actor, access.get(self.actor, rows, id))


routes = [("payouts", Payouts)]
