"""Pay links, method fees and agencies' batch payments under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from payments import batches, method_fees, pay_links
from payments.batches import Line, Preview
from payments.models import MethodFees, PayLink, Payment
from payments.pay_links import Issued


class PayLinkShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True, allow_null=True)
    billing_account = serializers.CharField(source="billing_account_id", read_only=True, allow_null=True)
    invoice = serializers.CharField(source="invoice_id", read_only=True, allow_null=True)
    party = serializers.CharField(source="party_id", read_only=True, allow_null=True)
    payment = serializers.CharField(source="payment_id", read_only=True, allow_null=True)
    state = serializers.SerializerMethodField(help_text="open, used, expired or revoked")

    class Meta:
        model = PayLink
        fields: ClassVar = [
            "id",
            "purpose",
            "policy",
            "billing_account",
            "invoice",
            "party",
            "single_use",
            "state",
            "expires_at",
            "opened_at",
            "used_at",
            "revoked_at",
            "payment",
            "created_at",
        ]

    def get_state(self, link: PayLink) -> str:
        return pay_links.state_of(link)


class IssuedLinkShown(PayLinkShown):
    url = serializers.CharField(read_only=True, help_text="Shown in this answer only; whoever has it can open it.")

    class Meta:
        model = PayLink
        fields: ClassVar = [*PayLinkShown.Meta.fields, "url"]

    def to_representation(self, instance: Issued) -> dict[str, Any]:
        return {**PayLinkShown(instance.link).data, "url": instance.url}


class NewPayLink(Asked):
    policy = serializers.CharField(max_length=40, required=False, help_text="All that is open of it.")
    billing_account = serializers.CharField(max_length=40, required=False, help_text="All that is open of it.")
    invoice = serializers.CharField(max_length=40, required=False, help_text="This one alone.")
    purpose = serializers.ChoiceField(choices=PayLink.Purpose.choices, required=False)
    single_use = serializers.BooleanField(required=False)
    days = serializers.IntegerField(required=False, min_value=1, max_value=pay_links.MOST_DAYS)
    party = serializers.CharField(max_length=40, required=False, help_text="Whose kept methods the page offers.")
    by_mail = serializers.BooleanField(required=False, help_text="Send it to the payor.")


class RevokedLink(Asked):
    reason = serializers.CharField(max_length=200)


class PayLinks(Rows):
    """Links to a page where a payor pays, or gives new details, without signing in."""

    queryset = PayLink.objects.select_related("payment")
    serializer_class = PayLinkShown
    filterset_fields: ClassVar = ["policy", "billing_account", "invoice", "purpose"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewPayLink, gives=IssuedLinkShown)
    def create(self, asked: dict[str, Any]) -> Issued:
        """Make a link; its address is in this answer and nowhere else."""
        about = {
            f"{name}_id": asked.pop(name) for name in ("policy", "billing_account", "invoice", "party") if name in asked
        }
        return pay_links.create(**about, **asked, actor=self.actor)

    @acts(RevokedLink)
    def revoke(self, id: str, asked: dict[str, Any]) -> PayLink:
        """Take a link back; a payment made by it goes on."""
        return pay_links.revoke(link_id=id, reason=asked["reason"], actor=self.actor)


class MethodFeesShown(Shown):
    class Meta:
        model = MethodFees
        fields: ClassVar = ["id", "number", "effective_from", "spec", "created_at"]


class NewMethodFees(Asked):
    spec = serializers.JSONField(help_text="payee, and channels with card and ach; see the guide.")
    effective_from = serializers.DateField()


class MethodFeesVersions(Rows):
    """What ways of paying cost the payor, in versions; established rules limit what is taken of it."""

    queryset = MethodFees.objects.all()
    serializer_class = MethodFeesShown
    reads = Permission.PAYMENTS_READ
    writes = Permission.ACCESS_WRITE

    @creates(NewMethodFees)
    def create(self, asked: dict[str, Any]) -> MethodFees:
        """Publish a version from a day on; the same again gives the one that has it."""
        return method_fees.publish(**asked, actor=self.actor)


class BatchItem(Asked):
    invoice = serializers.CharField(max_length=60, help_text="Its id, or its number.")
    amount_minor = serializers.IntegerField(required=False, min_value=1, help_text="All that is open when left out.")


class NewBatch(Asked):
    items = BatchItem(many=True)


class NewBatchPayment(NewBatch):
    payment_method = serializers.CharField(max_length=40, required=False, help_text="A method the operator keeps.")
    method = serializers.ChoiceField(choices=["card", "ach"], required=False)
    token = serializers.CharField(max_length=120, required=False, help_text="The processor's token; never a number.")


class BatchLineShown(serializers.Serializer[Line]):
    position = serializers.IntegerField(read_only=True)
    invoice = serializers.SerializerMethodField()
    amount_minor = serializers.IntegerField(read_only=True)
    code = serializers.SerializerMethodField(help_text="Why it cannot be paid; empty when it can.")
    detail = serializers.SerializerMethodField()

    def get_invoice(self, line: Line) -> str | None:
        return line.invoice.id if line.invoice is not None else None

    def get_code(self, line: Line) -> str:
        return line.refusal.code if line.refusal is not None else ""

    def get_detail(self, line: Line) -> str:
        return line.refusal.message if line.refusal is not None else ""


class BatchPreviewShown(serializers.Serializer[Preview]):
    total_minor = serializers.IntegerField(read_only=True)
    currency = serializers.CharField(read_only=True)
    payments = serializers.IntegerField(read_only=True, help_text="How many payments it takes.")
    lines = BatchLineShown(many=True, read_only=True)


class BatchPaymentShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    invoices = serializers.SerializerMethodField()

    class Meta:
        model = Payment
        fields: ClassVar = [
            "id",
            "policy",
            "invoices",
            "amount_minor",
            "surcharge_minor",
            "currency",
            "method",
            "state",
            "created_at",
        ]

    def get_invoices(self, payment: Payment) -> list[str]:
        return [part.invoice_id for part in payment.parts.all()]


class BatchShown(serializers.Serializer[list[Payment]]):
    payments = BatchPaymentShown(many=True, read_only=True)

    def to_representation(self, instance: list[Payment]) -> dict[str, Any]:
        return {"payments": BatchPaymentShown(instance, many=True).data}


class PaymentBatches(Resource):
    """Payments of many invoices at once, made by an agency or for it; they are payments like any other then."""

    serializer_class = BatchShown
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewBatchPayment, gives=BatchShown)
    def create(self, asked: dict[str, Any]) -> list[Payment]:
        """Pay every line, or nothing when one cannot be paid; commission is not netted."""
        return batches.pay(
            items=_lines(asked),
            payment_method_id=asked.get("payment_method"),
            method=asked.get("method", ""),
            token=asked.get("token", ""),
            actor=self.actor,
        )


class BatchPreviews(Resource):
    """What a batch would come to."""

    reads = writes = Permission.PAYMENTS_WRITE
    serializer_class = BatchPreviewShown

    @creates(NewBatch, gives=BatchPreviewShown)
    def create(self, asked: dict[str, Any]) -> Preview:
        """Look at every line of a batch; nothing is written."""
        return batches.preview(self.actor, _lines(asked))


def _lines(asked: dict[str, Any]) -> list[batches.Asked]:
    return [batches.Asked(item["invoice"], item.get("amount_minor")) for item in asked["items"]]


routes = [
    ("pay-links", PayLinks),
    ("method-fees", MethodFeesVersions),
    ("payment-batches/preview", BatchPreviews),
    ("payment-batches", PaymentBatches),
]
