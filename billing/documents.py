"""Documents as PDF: invoices, account bills, statements and notices, each with how its figures came about."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

from django.db.models import Sum

from billing import aging, letters, queries, statements
from billing.letters import Addressee, Column, Due, Letter, Reason, Section, amount, day, full
from billing.models import AccountBill, Application, BillingAccount, Invoice, LineCredit, Notice
from compliance import explanations
from compliance.models import Explanation
from coverpay.kernel import clock
from policies.models import Party, Policy

_ITEM = Column("Item", wide=True)
_MINOR = re.compile(r"-?[0-9]+")


class Recipient(TypedDict):
    """Who a notice goes to, as it was then: `lines` are those of the address."""

    name: str
    role: str
    lines: list[str]


class NoticeItem(TypedDict):
    """One thing a notice demands."""

    description: str
    due_on: str
    amount_minor: int


class NoticeFigure(TypedDict):
    """How one figure of a notice came about; an amount of zero stands for a figure that is a day."""

    figure: str
    amount_minor: int
    formula: str
    inputs: dict[str, Any]
    rule: str
    citation: str


class NoticeContent(TypedDict):
    """What a notice's `content` holds for its document; `wording` is its paragraphs, in order."""

    sender: str
    policy_number: str
    insured: str
    recipients: list[Recipient]
    wording: list[str]
    items: list[NoticeItem]
    computation: list[NoticeFigure]


def invoice_pdf(invoice: Invoice) -> bytes:
    """The PDF of a visible invoice as it stands now."""
    return letters.pdf(invoice_letter(invoice))


def account_bill_pdf(bill: AccountBill) -> bytes:
    """The PDF of a visible account bill as it stands now."""
    return letters.pdf(account_bill_letter(bill))


def statement_pdf(subject: Policy | BillingAccount, since: dt.date, through: dt.date) -> bytes:
    """The PDF of the statement of a visible policy or account. Raises: PeriodUnreadable."""
    return letters.pdf(statement_letter(subject, since, through))


def notice_pdf(notice: Notice) -> bytes:
    """The PDF of a visible notice, from its frozen content alone: printed again it is the same letter."""
    return letters.pdf(notice_letter(notice))


def invoice_letter(invoice: Invoice) -> Letter:
    """What an invoice's document says."""
    policy, currency = invoice.policy, invoice.currency
    lines = queries.lines_of(invoice)
    applied, credited = _sums(Application, invoice), _sums(LineCredit, invoice)
    still_open = invoice.total_minor - sum(applied.values()) - sum(credited.values())
    columns = [
        _ITEM,
        Column("Payee"),
        *(Column(title, figure=True) for title in ("Amount", "Credited", "Paid", "Open")),
    ]
    rows = [
        [
            shown.line.description,
            shown.payee,
            *_figures(shown.line.amount_minor, credited.get(shown.line.id, 0), applied.get(shown.line.id, 0), currency),
        ]
        for shown in lines
    ]
    total = ["Total", "", *_figures(invoice.total_minor, sum(credited.values()), sum(applied.values()), currency)]
    reasons = [(shown.line.description, reason) for shown in lines for reason in shown.reasons]
    reasons += [("Total", reason) for reason in explanations.of(invoice.id)]
    return Letter(
        title="Invoice",
        number=invoice.number,
        dated=invoice.issued_on,
        sender=policy.operator.name,
        recipient=_addressee(invoice.account.payor if invoice.account else policy.insured),
        facts=_invoice_facts(invoice),
        due=_due(invoice, still_open),
        paragraphs=_instead_of(invoice),
        sections=[letters.table("What this invoice asks for", columns, rows, total)],
        reasons=_reasons(reasons),
    )


def account_bill_letter(bill: AccountBill) -> Letter:
    """What an account bill's document says: every invoice on it, by policy and member."""
    account, currency = bill.account, bill.currency
    invoices = list(bill.invoices.select_related("policy__insured").order_by("policy__number", "number"))
    rows = aging.with_still_open(bill.invoices.all(), clock.today())
    open_minor: dict[str, int] = dict(rows.order_by().values_list("id", "still_open"))
    still_open = sum(open_minor.values())
    total = sum(invoice.total_minor for invoice in invoices)
    return Letter(
        title="List bill" if account.mode == BillingAccount.Mode.LIST_BILL else "Account bill",
        number=bill.number,
        dated=bill.issued_on,
        sender=account.operator.name,
        recipient=_addressee(account.payor),
        facts=[
            ("Bill number", bill.number),
            ("Account", account.number),
            ("Issued", day(bill.issued_on)),
            ("Due", day(bill.due_on)),
            ("Policies", str(len({invoice.policy_id for invoice in invoices}))),
        ],
        due=Due("Amount due", full(still_open, currency), f"Please pay by {day(bill.due_on)}"),
        sections=[
            letters.table(
                "What this bill asks for",
                [
                    Column("Policy"),
                    Column("Insured", wide=True),
                    Column("Invoice"),
                    *(Column(title, figure=True) for title in ("Amount", "Open")),
                ],
                [
                    [
                        invoice.policy.number,
                        invoice.policy.insured.name,
                        invoice.number,
                        amount(invoice.total_minor, currency),
                        amount(open_minor[invoice.id], currency),
                    ]
                    for invoice in invoices
                ],
                ["Total", "", "", amount(total, currency), amount(still_open, currency)],
            )
        ],
        reasons=_reasons(
            (f"Invoice {invoice.number}", reason) for invoice in invoices for reason in explanations.of(invoice.id)
        ),
    )


def statement_letter(subject: Policy | BillingAccount, since: dt.date, through: dt.date) -> Letter:
    """What a statement's document says."""
    if isinstance(subject, Policy):
        said, payor = statements.of_policy(subject, since, through), subject.insured
    else:
        said, payor = statements.of_account(subject, since, through), subject.payor
    currency = said.currency
    closing = said.closing_minor
    rows = [["", "Balance brought forward", "", "", amount(said.opening_minor, currency)]]
    rows += [
        [
            line.entry.on.isoformat(),
            line.entry.what,
            line.entry.reference,
            amount(line.entry.amount_minor, currency),
            amount(line.balance_minor, currency),
        ]
        for line in said.lines
    ]
    columns = [Column("Date"), Column("What", wide=True), Column("Reference")]
    return Letter(
        title="Statement",
        number=subject.number,
        dated=through,
        sender=subject.operator.name,
        recipient=_addressee(payor, role="Prepared for"),
        facts=[("Statement of", said.title), ("From", day(since)), ("Through", day(through)), ("Currency", currency)],
        due=Due(
            "Balance" if closing >= 0 else "Credit balance", full(closing, currency), f"At the end of {day(through)}"
        ),
        sections=[
            letters.table(
                "What happened",
                [*columns, Column("Amount", figure=True), Column("Balance", figure=True)],
                rows,
                ["", "Closing balance", "", "", amount(closing, currency)],
            )
        ],
    )


def notice_letter(notice: Notice) -> Letter:
    """What a notice's document says; nothing but the notice itself is read."""
    content: dict[str, Any] = notice.content
    currency, title = notice.currency, notice.get_kind_display()
    first, *others = content["recipients"]
    facts = [("Policy", content["policy_number"]), ("Insured", content["insured"]), ("Date", day(notice.prepared_on))]
    if notice.cancel_on:
        facts.append(("Cancellation effective", day(notice.cancel_on)))
    sections = []
    if content.get("items"):
        rows = [
            [item["description"], item["due_on"], amount(item["amount_minor"], currency)] for item in content["items"]
        ]
        columns = [_ITEM, Column("Due"), Column("Amount", figure=True)]
        total = ["Total", "", amount(sum(item["amount_minor"] for item in content["items"]), currency)]
        sections.append(letters.table("What is past due", columns, rows, total))
    if others:
        sections.append(
            Section("Also sent to", paragraphs=[", ".join([each["name"], *each["lines"]]) for each in others])
        )
    if notice.citation:
        sections.append(Section("Rule", paragraphs=[notice.citation]))
    return Letter(
        title=title,
        number=content["policy_number"],
        dated=notice.prepared_on,
        sender=content["sender"],
        recipient=Addressee(first["name"], first["lines"], first["role"]),
        facts=facts,
        due=_demanded(notice),
        paragraphs=content["wording"],
        sections=sections,
        reasons=[
            Reason(
                of=title,
                figure=_words(why["figure"]),
                amount=full(why["amount_minor"], currency) if why["amount_minor"] else "",
                formula=_words(why["formula"]),
                inputs=_inputs(why["inputs"], currency),
                rule=" · ".join(part for part in (why["rule"], why["citation"]) if part),
            )
            for why in content.get("computation", [])
        ],
    )


def _invoice_facts(invoice: Invoice) -> list[tuple[str, str]]:
    policy = invoice.policy
    facts = [("Invoice number", invoice.number), ("Issued", day(invoice.issued_on)), ("Due", day(invoice.due_on))]
    facts += [("Policy", policy.number), ("Insured", policy.insured.name)]
    terms = {line.term_id: line.term for line in invoice.lines.select_related("term").order_by("position")}
    facts += [("Term", f"{term.effective_on} to {term.expires_on}") for term in terms.values()]
    if invoice.account:
        facts.append(("Account", invoice.account.number))
    if invoice.state != Invoice.State.OPEN:
        facts.append(("State", invoice.get_state_display()))
    return facts


def _due(invoice: Invoice, still_open: int) -> Due:
    if invoice.state == Invoice.State.OPEN:
        return Due("Amount due", full(still_open, invoice.currency), f"Please pay by {day(invoice.due_on)}")
    notes = {
        Invoice.State.PAID: "Paid in full; nothing is due. Thank you.",
        Invoice.State.SUPERSEDED: "Another invoice took the place of this one; please do not pay it.",
        Invoice.State.VOID: "This invoice is void; please do not pay it.",
        Invoice.State.WRITTEN_OFF: "What was open on this invoice is no longer asked for.",
    }
    return Due("Amount due", full(still_open, invoice.currency), notes[Invoice.State(invoice.state)])


def _instead_of(invoice: Invoice) -> list[str]:
    """Which invoices it takes the place of, or which took its place, and why."""
    said = []
    if invoice.supersedes:
        said.append(f"This invoice supersedes invoice {invoice.supersedes.number}: {invoice.reason}")
    following = getattr(invoice, "superseded_by", None)
    if following is not None:
        said.append(f"Superseded by invoice {following.number}: {following.reason}")
    return said


def _demanded(notice: Notice) -> Due | None:
    if not notice.demanded_minor:
        return None
    note = f"Must be paid before {day(notice.cancel_on)}" if notice.cancel_on else "Past due; please pay now"
    return Due("Amount demanded", full(notice.demanded_minor, notice.currency), note)


def _addressee(party: Party, role: str = "Bill to") -> Addressee:
    place = " ".join(part for part in (party.state, party.postal_code) if part)
    lines = [party.address_line, ", ".join(part for part in (party.city, place) if part), party.email]
    return Addressee(party.name, [line for line in lines if line], role)


def _sums(model: type[Application] | type[LineCredit], invoice: Invoice) -> dict[str, int]:
    """Minor units by line of an invoice."""
    rows = model._default_manager.filter(line__invoice=invoice).order_by()
    return dict(rows.values_list("line_id").annotate(Sum("amount_minor")))


def _figures(asked: int, credited: int, applied: int, currency: str) -> Sequence[str]:
    return [amount(minor, currency) for minor in (asked, credited, applied, asked - credited - applied)]


def _reasons(found: Iterable[tuple[str, Explanation]]) -> list[Reason]:
    return [
        Reason(
            of=of,
            figure="charge" if reason.figure == "amount" else _words(reason.figure),
            amount=full(reason.amount_minor, reason.currency),
            formula=_words(reason.formula),
            inputs=_inputs(reason.inputs, reason.currency),
            rule=" · ".join(part for part in (reason.rule, reason.rule_version, reason.citation) if part),
        )
        for of, reason in found
    ]


def _inputs(given: dict[str, Any], currency: str) -> list[tuple[str, str]]:
    """The inputs of a derivation by name; those in minor units as amounts, also within a sum in words."""
    return [
        (
            _words(name.removesuffix("_minor")),
            _MINOR.sub(lambda found: amount(int(found[0]), currency), str(value))
            if name.endswith("_minor")
            else str(value),
        )
        for name, value in given.items()
    ]


def _words(name: str) -> str:
    return name.replace("_minor", "").replace("_", " ")
