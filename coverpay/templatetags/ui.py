"""What every template may use: money, states, dates, icons, paging, and why an amount is what it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from django import template
from django.forms import BaseForm, BoundField, CheckboxInput
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

from coverpay.dashboard import places
from coverpay.kernel import clock
from coverpay.kernel.money import Money

register = template.Library()

MINUS = "\u2212"

TONES: dict[str, str] = {
    "good": "paid succeeded bound issued in_force imported matched processed delivered active tied cured satisfied"
    " placed finished recovered done won settled accepted applied read",
    "wait": "open processing planned submitted pending authorized under_review received due quoted offered prepared"
    " mailed running staged filed built",
    "warn": "unknown quarantined refused overdue returned ambiguous expiring held suspense with_person withheld"
    " needs_response",
    "bad": "failed declined given_up revoked cancelled effective collections written_off bounced exhausted"
    " disputed lost rejected",
    "quiet": "not_taken refunded closed undone disabled reversed expired superseded void rescinded"
    " stopped skipped expected voided withdrawn decided",
}
_TONE_OF = {state: tone for tone, states in TONES.items() for state in states.split()}


class Reason(Protocol):
    """A stored derivation (`compliance.Explanation`), seen from a template."""

    subject_id: str
    figure: str
    formula: str
    amount_minor: int
    currency: str
    inputs: Mapping[str, str | int]


@register.simple_tag
def money(amount_minor: int | None, currency: str = "USD", *, bare: bool = False) -> SafeString:
    """Write minor units as an amount: thousands, decimals of the currency, a true minus sign; `bare` drops the code."""
    if amount_minor is None:
        return mark_safe('<span class="money money--none">–</span>')
    figure, _, code = str(Money(abs(amount_minor), currency)).partition(" ")
    tone = " money--negative" if amount_minor < 0 else ""
    sign = MINUS if amount_minor < 0 else ""
    if bare:
        return format_html('<span class="money{}">{}{}</span>', tone, sign, figure)
    return format_html(
        '<span class="money{}">{}{} <span class="money__code">{}</span></span>', tone, sign, figure, code
    )


@register.simple_tag
def magnitude(amount_minor: int, currency: str = "USD") -> SafeString:
    """Write an amount without its sign, where words beside it say which way it goes."""
    return money(abs(amount_minor), currency, bare=True)


@dataclass(slots=True)
class Side:
    """What is billed on one date, before and after a change."""

    due_on: dt.date
    bill_on: dt.date
    before_minor: int | None = None
    after_minor: int | None = None


@register.filter
def side_by_side(bills: Any) -> list[Side]:
    """Put the bills before and after a change side by side, by due date."""
    rows: dict[dt.date, Side] = {}
    for name in ("before", "after"):
        for each in getattr(bills, name):
            side = rows.setdefault(each.due_on, Side(each.due_on, each.bill_on))
            setattr(side, f"{name}_minor", (getattr(side, f"{name}_minor") or 0) + each.total_minor)
    return [rows[day] for day in sorted(rows)]


@register.simple_tag
def badge(state: str, label: str = "") -> SafeString:
    """Write a state as a badge; its words carry the meaning, its tone only repeats it."""
    words = label or str(state).replace("_", " ").capitalize()
    return format_html('<span class="badge badge--{}">{}</span>', _TONE_OF.get(str(state), "quiet"), words)


@register.simple_tag
def when(moment: dt.datetime | None) -> SafeString:
    """Write a moment: relative within a week, else the date; the exact UTC time is its title."""
    if moment is None:
        return mark_safe('<span class="none">–</span>')
    utc = moment.astimezone(dt.UTC)
    exact = f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', utc.isoformat(timespec="seconds"), exact, _spoken(utc)
    )


@register.simple_tag
def stamp(moment: dt.datetime | None) -> SafeString:
    """Write a moment in full, UTC, to the minute."""
    if moment is None:
        return mark_safe('<span class="none">–</span>')
    utc = moment.astimezone(dt.UTC)
    return format_html('<time datetime="{}">{}</time>', utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M}")


@register.simple_tag
def day(date: dt.date | None) -> SafeString:
    """Write a calendar day as 2026-01-31, which sorts and cannot be misread."""
    if date is None:
        return mark_safe('<span class="none">–</span>')
    return format_html('<time datetime="{}">{}</time>', date.isoformat(), date.isoformat())


def _spoken(moment: dt.datetime) -> str:
    seconds = int((clock.now() - moment).total_seconds())
    ahead, seconds = seconds < 0, abs(seconds)
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (7 * 86400, 86400, "d")):
        if seconds < limit:
            words = f"{seconds // size} {unit}"
            return f"in {words}" if ahead else f"{words} ago"
    return f"{moment:%Y-%m-%d}"


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """Draw an icon that decorates words beside it (hidden from screen readers)."""
    return mark_safe(lucide(name, size=size, **{"aria-hidden": "true", "class": "icon", "focusable": "false"}))


@register.simple_tag
def ref(object_id: str, words: str = "") -> SafeString:
    """Link to the page of any object by its id; the page checks who may see it. What has no page is only named."""
    if not places.has_page(object_id):
        return format_html("{}", words or object_id)
    return format_html('<a href="{}"{}>{}</a>', reverse("go", args=[object_id]), _code(words), words or object_id)


@register.simple_tag
def report_cell(row: Mapping[str, Any], column: Any, names: Mapping[str, str]) -> SafeString:
    """A cell of a report by the kind of its column; empty where the row says nothing.

    A figure of one ledger account leads to that account's lines; an object is shown by its name where it has one.
    """
    value = row.get(column.key)
    if value is None:
        shown = mark_safe("")
    elif column.kind == "money":
        shown = _to_account(row, money(value, row.get("currency", "USD"), bare=True))
    elif column.kind == "reference":
        shown = ref(str(value), names.get(str(value), ""))
    else:
        shown = day(value) if column.kind == "day" else format_html("{}", value)
    tone = "num" if column.kind in ("money", "number") else ""
    return format_html('<td data-label="{}" class="{}">{}</td>', column.title, tone, shown)


def _to_account(row: Mapping[str, Any], shown: SafeString) -> SafeString:
    if "account_id" not in row:
        return shown
    return format_html('<a href="{}">{}</a>', reverse("ledger:account", args=[row["account_id"]]), shown)


def _code(words: str) -> SafeString:
    return mark_safe("" if words else ' class="code"')


@register.inclusion_tag("components/_why.html")
def why(reasons: Iterable[Reason], subject_id: str = "", figure: str = "", name: str = "") -> dict[str, Any]:
    """Offer the derivation of one amount, step by step.

    Takes:  stored reasons, narrowed to a subject and a figure when named; `name` tells screen readers which amount.
    """
    steps = [
        {"reason": reason, "formula": reason.formula.replace("_", " "), "facts": _facts(reason)}
        for reason in reasons
        if (not subject_id or reason.subject_id == subject_id) and (not figure or reason.figure == figure)
    ]
    return {"steps": steps, "name": name}


def _facts(reason: Reason) -> list[tuple[str, Any]]:
    """Name the inputs in words; inputs in minor units read as money."""
    return [
        (key.removesuffix("_minor").replace("_", " ").capitalize(), _read(key, value, reason.currency))
        for key, value in reason.inputs.items()
    ]


def _read(key: str, value: str | int, currency: str) -> Any:
    """Write an input of a derivation; `a + b` in minor units becomes a sum of amounts."""
    if not key.endswith("_minor"):
        return value
    parts = str(value).split(" + ")
    if not all(part.lstrip("-").isdigit() for part in parts):
        return value
    return format_html_join(" + ", "{}", ((money(int(part), currency, bare=True),) for part in parts))


@register.inclusion_tag("components/_facts.html")
def facts(found: Mapping[str, Any], currency: str = "USD") -> dict[str, Any]:
    """List facts kept as JSON, in words: minor units as money, lists line by line, nothing that is empty."""
    return {
        "rows": [
            (_words(key).capitalize(), _said(key, value, currency))
            for key, value in found.items()
            if value not in _NOTHING
        ]
    }


_NOTHING: tuple[Any, ...] = ("", None, [], {})


@register.filter
def words(name: str) -> str:
    """Write the name of a figure or rule as words."""
    return _words(str(name)).capitalize()


def _said(key: str, value: Any, currency: str) -> Any:
    if isinstance(value, Mapping):
        parts = ((_words(name), _said(name, part, currency)) for name, part in value.items() if part not in _NOTHING)
        return format_html_join(", ", "{}: {}", parts)
    if isinstance(value, list):
        return format_html_join("", "<div>{}</div>", ((_said(key, part, currency),) for part in value))
    return ref(value) if isinstance(value, str) and places.has_page(value) else _read(key, value, currency)


def _words(name: str) -> str:
    return name.removesuffix("_minor").replace("_", " ")


@register.inclusion_tag("components/_field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """Draw one form field: label, control, help, errors, tied together for screen readers.

    A placeholder that only repeats the label is dropped: it vanishes while one types.
    """
    bound.field.widget.attrs.pop("placeholder", None)
    return {"field": bound, "check": isinstance(bound.field.widget, CheckboxInput)}


@register.inclusion_tag("components/_fields.html")
def fields(form: BaseForm) -> dict[str, Any]:
    """Draw a whole form's fields, errors of the form first."""
    return {"form": form}


@register.inclusion_tag("components/_next_page.html", takes_context=True)
def next_page(context: Mapping[str, Any], cursor: str | None) -> dict[str, Any]:
    """Link to the next page of a list, keeping its filters; nothing on the last page."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    first = query.copy()
    first.pop("after", None)
    query["after"] = cursor or ""
    return {
        "next_query": query.urlencode() if cursor else "",
        "first_query": first.urlencode() if request.GET.get("after") else None,
    }


@register.simple_tag
def debit(amount_minor: int, currency: str) -> SafeString:
    """Write a signed ledger amount in the debit column: there when positive, empty otherwise."""
    return money(amount_minor, currency) if amount_minor > 0 else mark_safe("")


@register.simple_tag
def credit(amount_minor: int, currency: str) -> SafeString:
    """Write a signed ledger amount in the credit column: there when negative, empty otherwise."""
    return money(-amount_minor, currency) if amount_minor < 0 else mark_safe("")


@register.simple_tag
def percent(ppm: int) -> str:
    """Write parts per million as a percentage without needless zeros."""
    return f"{(Decimal(ppm) / 10_000).normalize():f}%" if ppm else "–"


@register.simple_tag
def due_badge(invoice: Any) -> SafeString:
    """Write an invoice's state, saying overdue for an open one past its due date."""
    if invoice.state == "open" and invoice.due_on < clock.today():
        return badge("overdue", "Overdue")
    return badge(invoice.state, invoice.get_state_display())


@register.simple_tag
def past_due_badge(row: Any) -> SafeString:
    """Write the state of past due money; followed now is a warning, not a comfort."""
    return badge("overdue" if row.state == "active" else row.state, row.get_state_display())


@register.simple_tag
def named(names: Mapping[str, str], key: str) -> str:
    """Write the name of a key, the key itself when it has none."""
    return names.get(key, key) or "–"


@register.inclusion_tag("components/_changes.html")
def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """List what an audit entry changed, field by field: before (if known) and after."""
    keys = [*before, *(key for key in after if key not in before)]
    return {"rows": [(key, before.get(key), after.get(key)) for key in keys]}
