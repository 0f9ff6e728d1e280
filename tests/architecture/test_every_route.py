"""Every address there is: closed to strangers and to nobody signed in, and no viewer writes.

The URL map is walked, so a new route is covered without being named. What keeps these tests honest: our own
administrator gets something at each of the same addresses with the same bodies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings

from billing.models import (
    AccountBill,
    BillingAccount,
    BillingRun,
    Delinquency,
    Invoice,
    Notice,
    Receipt,
    SuspenseItem,
    TrustMovement,
)
from compliance.models import ApiKey, AuditEntry, Membership, Moratorium, Permit, Screening, User
from coverpay.webhooks.models import Delivery, Endpoint
from payments.gateways.sandbox import Sandbox
from payments.models import (
    AccountValidation,
    AchEntry,
    AchFile,
    AchNews,
    Attempt,
    CheckRun,
    Deposit,
    DepositItem,
    Disbursement,
    Dispute,
    GatewayAccount,
    Mandate,
    Message,
    OptOut,
    PayLink,
    Payment,
    PaymentMethod,
    Payout,
    RecoveryCase,
    Refund,
    RoutingTable,
    ScheduledPayment,
    SourceStatement,
)
from policies.models import Policy, PolicyImport
from reconciliation.ledger.models import Account, Entry
from reconciliation.models import (
    Announcement,
    BankAccount,
    Break,
    Close,
    ColumnMap,
    ExportBatch,
    IgnoredLine,
    Match,
    MatchSuggestion,
    PayorAlias,
    Statement,
    StatementImport,
)
from tests.support import routes, samples, seeded, world
from tests.support.database import undone
from tests.support.routes import Route
from tests.support.seeded import Seeded
from tests.support.world import Api

pytestmark = pytest.mark.django_db

# The part of a page's address, with its namespace where the same word means different rows -> whose id it is.
PARAMETERS: dict[str, Any] = {
    "object_id": Policy,
    "policy_id": Policy,
    "invoice_id": Invoice,
    "payment_id": Payment,
    "attempt_id": Attempt,
    "payout_id": Payout,
    "link_id": PayLink,
    "billing_account_id": BillingAccount,
    "refund_id": Refund,
    "dispute_id": Dispute,
    "case_id": RecoveryCase,
    "message_id": Message,
    "opt_out_id": OptOut,
    "policies:import_id": PolicyImport,
    "reconciliation:import_id": StatementImport,
    "reconciliation:account_id": BankAccount,
    "ledger:account_id": Account,
    "billing:account_id": BillingAccount,
    "payments:account_id": GatewayAccount,
    "table_id": RoutingTable,
    "bill_id": AccountBill,
    "receipt_id": Receipt,
    "item_id": SuspenseItem,
    "ach_file_id": AchFile,
    "ach_entry_id": AchEntry,
    "ach_news_id": AchNews,
    "source_id": SourceStatement,
    "map_id": ColumnMap,
    "announcement_id": Announcement,
    "deposit_id": Deposit,
    "deposit_item_id": DepositItem,
    "delinquency_id": Delinquency,
    "notice_id": Notice,
    "run_id": BillingRun,
    "statement_id": Statement,
    "break_id": Break,
    "match_id": Match,
    "suggestion_id": MatchSuggestion,
    "ignored_id": IgnoredLine,
    "alias_id": PayorAlias,
    "entry_id": Entry,
    "member_id": Membership,
    "key_id": ApiKey,
    "permit_id": Permit,
    "moratorium_id": Moratorium,
    "disbursement_id": Disbursement,
    "payments:run_id": CheckRun,
    "bank_account_id": BankAccount,
    "screening_id": Screening,
    "method_id": PaymentMethod,
    "mandate_id": Mandate,
    "validation_id": AccountValidation,
    "scheduled_id": ScheduledPayment,
    "batch_id": ExportBatch,
    "movement_id": TrustMovement,
    "close_id": Close,
    "endpoint_id": Endpoint,
    "delivery_id": Delivery,
}
PREVIEWS = [
    *(f"policies-preview-{what}" for what in ("endorsement", "cancellation", "reinstatement", "rewrite")),
    *(f"policies-preview-{what}" for what in ("renewal", "audit", "undo")),
    *("schedules/preview-list", "schedules/endorsement-preview-list", "plan-changes/preview-list"),
    "plan-comparisons-list",
    "routing-dry-runs-list",
    "payment-batches/preview-list",
]
A_VIEWER_MAY = {"switch-organization": "acting for another organization of one's own changes no row"} | dict.fromkeys(
    PREVIEWS, "a preview computes and writes nothing"
)
SAFE = ("get",)

EVERY = routes.every()
API = [route for route in EVERY if route.is_api]
PAGES = [route for route in EVERY if route.is_page]
BOTH = API + PAGES


def each(of: list[Route], methods: Any = lambda method: True) -> Any:
    """Parametrize a test over routes and their methods."""
    found = [(route, method) for route in of for method in route.methods if methods(method)]
    return pytest.mark.parametrize(("route", "method"), found, ids=[f"{route}-{method}" for route, method in found])


def writes(method: str) -> bool:
    return method not in SAFE


@pytest.fixture(scope="module")
def book(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """The seeded book, made once for all routes and undone at the end."""
    file = tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3"
    settings = override_settings(SANDBOX_FILE=file, WEBHOOKS_ALLOW_PRIVATE_TARGETS=False)
    with django_db_blocker.unblock(), settings, undone():
        yield seeded.everything(Sandbox(file))


def _values(route: Route, book: Seeded) -> dict[str, Any]:
    """Ids of our rows for the parts of the address."""
    if route.is_api:
        return {name: book.one(route.view.queryset.model).pk for name in route.parameters}
    space = route.name.partition(":")[0]
    found = {}
    for name in route.parameters:
        model = PARAMETERS.get(f"{space}:{name}") or PARAMETERS.get(name)
        assert model, f"{route}: whose id is <{name}>? Say it in PARAMETERS of tests/architecture/test_every_route.py"
        found[name] = book.one(model).pk
    return found


def _body(route: Route, method: str, book: Seeded) -> dict[str, Any]:
    if method in SAFE:
        return {}
    if route.is_page:
        return samples.form_data(route.name, route.view, book)
    handler = getattr(route.view, route.callback.actions[method])
    assert hasattr(handler, "takes"), f"{route}: make its handler with creates, acts or edits of compliance.resources"
    return samples.body(handler.takes, book)


def _sent(route: Route, method: str, book: Seeded, *, token: str = "", user: User | None = None) -> HttpResponse:
    """Send a plausible request that names our rows, as the bearer of a key or as a person."""
    url, body = route.url(**_values(route, book)), _body(route, method, book)
    if route.is_page:
        client = Client(raise_request_exception=True)
        if user is not None:
            client.force_login(user)
        return getattr(client, method)(url, body if method != "put" else None)
    api = Api(token)
    if user is not None:
        api.client.force_login(user)
    if method in SAFE:
        return api.client.get(url)
    is_form = any(hasattr(value, "read") for value in body.values())
    headers = {"Idempotency-Key": f"{route}-{method}-{token[-8:]}"}
    return getattr(api.client, method)(url, body, format="multipart" if is_form else "json", headers=headers)


def _shows_nothing_of(marks: list[str], answer: HttpResponse) -> None:
    text = answer.content.decode(errors="replace")
    shown = [mark for mark in marks if mark in text]
    assert not shown, f"a stranger was shown {shown[:3]}"


@pytest.fixture(scope="module")
def marks(book: Seeded) -> list[str]:
    return book.marks()


def test_every_address_is_an_api_resource_a_staff_page_or_known_to_show_no_rows() -> None:
    odd = [
        str(route)
        for route in EVERY
        if not (route.is_api or route.is_page or route.is_admin or route.is_known_without_rows)
    ]
    assert not odd, f"not derived from compliance.resources or StaffPage, and no reason in WITHOUT_ROWS: {odd}"
    assert len(API) > 40
    assert len(PAGES) > 20


@each(BOTH)
def test_our_administrator_gets_something_there(route: Route, method: str, book: Seeded) -> None:
    answer = _sent(route, method, book, token=book.admin_token, user=book.admin if route.is_page else None)
    assert answer.status_code not in (401, 403, 404, 405), answer.content
    assert answer.status_code < 500, answer.content
    if not route.is_api:
        return
    if answer["Content-Type"] == "application/pdf":
        assert answer.content.startswith(b"%PDF-")
    elif method in SAFE:
        rows = answer.json()
        assert rows["data"] if isinstance(rows, dict) and "data" in rows else rows, f"{route} shows us nothing either"
    else:
        assert "errors" not in answer.json(), f"teach tests/support/samples.py: {answer.json()['errors']}"


@each(BOTH)
def test_nobody_signed_in_is_asked_to_sign_in(route: Route, method: str, book: Seeded) -> None:
    answer = _sent(route, method, book)
    if route.is_api:
        assert answer.status_code == 401
    else:
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/")


@each(BOTH)
def test_another_organization_sees_none_of_it_and_changes_none_of_it(
    route: Route, method: str, book: Seeded, marks: list[str]
) -> None:
    entries = AuditEntry.objects.filter(organization=book.ours).count()
    answer = _sent(route, method, book, token=book.stranger_token, user=book.stranger if route.is_page else None)
    named = [value for value in _body(route, method, book).values() if value in marks]
    if route.parameters or (named and route.is_api):
        assert answer.status_code in (403, 404), answer.content
    elif named:
        assert answer.status_code in (403, 404, 422), answer.content  # a form offers only one's own rows
    else:
        assert answer.status_code < 500, answer.content
    _shows_nothing_of([mark for mark in marks if mark not in answer.request["PATH_INFO"] and mark not in named], answer)
    assert AuditEntry.objects.filter(organization=book.ours).count() == entries


@each([route for route in API if not route.parameters], lambda method: method in SAFE)
def test_asking_for_our_rows_by_filter_gives_another_organization_none(
    route: Route, method: str, book: Seeded, marks: list[str]
) -> None:
    theirs = Api(book.stranger_token)
    for name in getattr(route.view, "filterset_fields", None) or []:
        field = route.view.queryset.model._meta.get_field(name.partition("__")[0])
        if field.is_relation:
            ours = getattr(book.one(route.view.queryset.model), field.attname) or "none"
            answer = theirs.client.get(route.url(), {name: ours})
            assert (answer.status_code, answer.json()["data"]) == (200, [])


@each(BOTH, writes)
def test_a_viewer_writes_nothing(route: Route, method: str, book: Seeded) -> None:
    if str(route) in A_VIEWER_MAY:
        pytest.skip(A_VIEWER_MAY[str(route)])
    answers = [_sent(route, method, book, user=book.viewer)]
    if route.is_api:
        answers.append(_sent(route, method, book, token=book.viewer_token))
    assert [answer.status_code for answer in answers] == [403] * len(answers)


def test_the_finance_admin_is_closed_to_who_is_not_staff(book: Seeded) -> None:
    found = [route for route in EVERY if route.is_admin and route.has_name]  # the catch-all leads to these
    assert len(found) > 20
    for client in (Client(), world.pages(book.admin)):
        for route in found:
            values = {name: "billing" if name == "app_label" else "1" for name in route.parameters}
            answer = client.get(route.url(**values))
            assert answer.status_code in (302, 403, 404), route
            assert "Aloha" not in answer.content.decode(errors="replace")


def test_a_stranger_who_searches_for_our_numbers_finds_nothing(book: Seeded, marks: list[str]) -> None:
    numbers = [book.one(Policy).number, book.one(Invoice).number, "Aloha", book.one(Policy).id]
    client = world.pages(book.stranger)
    for text in numbers:
        answer = client.get("/search/", {"q": text})
        hidden = [mark for mark in marks if mark != text]
        _shows_nothing_of(hidden, answer)
