"""Payment methods, mandates and account validations under /v1. No answer holds an account number or a token."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from payments import mandates, methods, setups, validations
from payments.models import AccountValidation, Mandate, PaymentMethod


class PaymentMethodShown(Shown):
    party = serializers.CharField(source="party_id", read_only=True)
    accounts = serializers.SerializerMethodField(help_text="The processor accounts that have a token for it.")

    class Meta:
        model = PaymentMethod
        fields: ClassVar = [
            "id", "party", "kind", "holder_name", "holder", "brand", "last4", "exp_month", "exp_year", "funding",
            "routing_number", "account_type", "is_default", "state", "state_reason", "accounts", "created_at",
        ]  # fmt: skip

    def get_accounts(self, method: PaymentMethod) -> list[str]:
        return [token.account_id for token in method.tokens.all()]


class NewPaymentMethod(Asked):
    party = serializers.CharField(max_length=40)
    kind = serializers.ChoiceField(choices=PaymentMethod.Kind.choices)
    holder = serializers.ChoiceField(choices=PaymentMethod.Holder.choices, default="consumer")
    holder_name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    account = serializers.CharField(max_length=40, required=False, help_text="A card: whose token it is.")
    token = serializers.CharField(max_length=120, required=False, help_text="A card: the token; never a number.")
    customer = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    brand = serializers.CharField(max_length=30, required=False, default="", allow_blank=True)
    last4 = serializers.CharField(max_length=4, required=False, default="", allow_blank=True)
    exp_month = serializers.IntegerField(min_value=1, max_value=12, required=False)
    exp_year = serializers.IntegerField(min_value=2000, max_value=2099, required=False)
    funding = serializers.CharField(max_length=10, required=False, default="", allow_blank=True)
    routing_number = serializers.CharField(max_length=20, required=False, help_text="A bank account: nine digits.")
    account_number = serializers.CharField(max_length=40, required=False, help_text="Sealed, and never given back.")
    account_type = serializers.ChoiceField(choices=PaymentMethod.AccountType.choices, required=False)
    not_a_card = serializers.BooleanField(
        default=False, help_text="Say that an account number only happens to look like a card number."
    )


class NewToken(Asked):
    account = serializers.CharField(max_length=40)
    token = serializers.CharField(max_length=120, help_text="The processor's token; never a number.")
    customer = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)


class Removal(Asked):
    reason = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class ReasonGiven(Asked):
    reason = serializers.CharField(max_length=200)


class NewValidation(Asked):
    kind = serializers.ChoiceField(choices=["prenote", "micro_entries"])
    account = serializers.CharField(max_length=40, required=False, help_text="The ACH account that sends it.")


class ValidationShown(Shown):
    payment_method = serializers.CharField(source="payment_method_id", read_only=True)

    class Meta:
        model = AccountValidation
        fields: ClassVar = [
            "id", "payment_method", "kind", "state", "tries", "result", "ready_at", "created_at", "decided_at",
        ]  # fmt: skip


class PaymentMethods(Rows):
    """Cards and bank accounts of parties: what may be shown of them."""

    queryset = PaymentMethod.objects.prefetch_related("tokens")
    serializer_class = PaymentMethodShown
    filterset_fields: ClassVar = ["party", "kind", "state"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewPaymentMethod)
    def create(self, asked: dict[str, Any]) -> PaymentMethod:
        """Keep a card by a processor's token, or a bank account by its numbers, which are sealed."""
        own: tuple[str, ...] = ("routing_number", "account_number", "account_type", "not_a_card")
        if asked["kind"] == PaymentMethod.Kind.CARD:
            own = ("token", "customer", "brand", "last4", "exp_month", "exp_year", "funding")
        said = {name: asked.get(name, "") for name in ("holder", "holder_name", own[0])}
        said |= {name: asked[name] for name in own if name in asked}
        if asked["kind"] == PaymentMethod.Kind.CARD:
            account_id = asked.get("account", "")
            return methods.add_card(party_id=asked["party"], account_id=account_id, **said, actor=self.actor)
        numbers = {"account_number": "", "account_type": "", **said}
        return methods.add_bank_account(party_id=asked["party"], **numbers, actor=self.actor)

    @acts(NewToken)
    def add_token(self, id: str, asked: dict[str, Any]) -> PaymentMethod:
        """Keep the token of one more processor account, so that a payment can go there instead."""
        kept = methods.add_token(
            payment_method_id=id,
            account_id=asked["account"],
            token=asked["token"],
            customer=asked["customer"],
            actor=self.actor,
        )
        return kept.payment_method

    @acts()
    def make_default(self, id: str, asked: dict[str, Any]) -> PaymentMethod:
        """Make it its party's default."""
        return methods.make_default(payment_method_id=id, actor=self.actor)

    @acts(Removal)
    def remove(self, id: str, asked: dict[str, Any]) -> PaymentMethod:
        """Take it away; its mandates and the autopay by it end."""
        return methods.remove(payment_method_id=id, reason=asked["reason"], actor=self.actor)

    @acts(ReasonGiven)
    def lift_block(self, id: str, asked: dict[str, Any]) -> PaymentMethod:
        """Say that a blocked method may be charged again; it takes a new mandate."""
        return methods.lift_block(payment_method_id=id, reason=asked["reason"], actor=self.actor)

    @acts(NewValidation, gives=ValidationShown)
    def validate(self, id: str, asked: dict[str, Any]) -> AccountValidation:
        """Start to validate a bank account by a prenote or by micro-entries."""
        return validations.start(
            payment_method_id=id, kind=asked["kind"], account_id=asked.get("account"), actor=self.actor
        )


class NamedAmounts(Asked):
    amounts_minor = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=99), min_length=2, max_length=2
    )


class AccountValidations(Rows):
    """Validations of bank accounts."""

    queryset = AccountValidation.objects.all()
    serializer_class = ValidationShown
    filterset_fields: ClassVar = ["payment_method", "state"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @acts(NamedAmounts)
    def confirm(self, id: str, asked: dict[str, Any]) -> AccountValidation:
        """Name the two amounts of micro-entries back, in any order; three wrong answers fail it."""
        return validations.confirm(validation_id=id, amounts_minor=asked["amounts_minor"], actor=self.actor)


class MandateShown(Shown):
    payment_method = serializers.CharField(source="payment_method_id", read_only=True)
    policy = serializers.CharField(source="policy_id", read_only=True, allow_null=True)

    class Meta:
        model = Mandate
        fields: ClassVar = [
            "id", "payment_method", "policy", "recurring", "text", "text_version", "given", "sec_code", "given_at",
            "given_ip", "user_agent", "evidence", "recorded_by", "revoked_at", "revoked_reason",
        ]  # fmt: skip


class NewMandate(Asked):
    payment_method = serializers.CharField(max_length=40)
    policy = serializers.CharField(max_length=40, required=False, help_text="Left out: any policy of the payor.")
    recurring = serializers.BooleanField(default=True, help_text="False: a single charge of the policy named.")
    text = serializers.CharField(max_length=mandates.TEXT_AT_MOST, help_text="The words the payor agreed to.")
    text_version = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    given = serializers.ChoiceField(choices=Mandate.Given.choices)
    ip = serializers.IPAddressField(required=False, help_text="Given on the web: where from.")
    user_agent = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)
    evidence = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True,
        help_text="By phone or on paper: where the recording or the signed paper is.",
    )  # fmt: skip
    sec_code = serializers.CharField(max_length=3, required=False, default="", allow_blank=True)


class Mandates(Rows):
    """Leave to charge methods, in the very words that were agreed to. Nothing of it is ever deleted."""

    queryset = Mandate.objects.all()
    serializer_class = MandateShown
    filterset_fields: ClassVar = ["payment_method", "policy"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewMandate)
    def create(self, asked: dict[str, Any]) -> Mandate:
        """Keep a payor's leave; how it was given decides how a bank debit is presented."""
        asked["policy_id"] = asked.pop("policy", None)
        return mandates.give(payment_method_id=asked.pop("payment_method"), **asked, actor=self.actor)

    @acts(ReasonGiven)
    def revoke(self, id: str, asked: dict[str, Any]) -> Mandate:
        """End it; what is on its way already goes on."""
        return mandates.revoke(mandate_id=id, reason=asked["reason"], actor=self.actor)


class NewSetup(Asked):
    party = serializers.CharField(max_length=40)
    account = serializers.CharField(max_length=40)
    kind = serializers.ChoiceField(choices=PaymentMethod.Kind.choices)


class SetupShown(serializers.Serializer[Any]):
    setup = serializers.CharField(help_text="Send it back to finish.")
    kind = serializers.CharField()
    client_secret = serializers.CharField(source="report.client_secret")
    publishable_key = serializers.CharField(source="report.publishable_key")
    script_url = serializers.CharField(source="report.script_url")


class EndedSetup(Asked):
    setup = serializers.CharField(max_length=2000)
    holder = serializers.ChoiceField(choices=PaymentMethod.Holder.choices, default="consumer")
    holder_name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)


class Setups(Resource):
    """What a processor's own element needs, to take a card or bank account without our seeing it."""

    serializer_class = SetupShown
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewSetup)
    def create(self, asked: dict[str, Any]) -> setups.Begun:
        """Begin: give these to the processor's script on your page."""
        return setups.begin(party_id=asked["party"], account_id=asked["account"], kind=asked["kind"], actor=self.actor)


class FinishedSetups(Resource):
    """Setups whose payor has entered a method."""

    serializer_class = PaymentMethodShown
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(EndedSetup)
    def create(self, asked: dict[str, Any]) -> PaymentMethod:
        """Finish: keep what was entered."""
        return setups.finish(**asked, actor=self.actor)


routes = [
    ("payment-methods", PaymentMethods),
    ("payment-method-setups", Setups),
    ("payment-method-setups/finished", FinishedSetups),
    ("account-validations", AccountValidations),
    ("mandates", Mandates),
]
