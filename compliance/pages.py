"""Parts of a back-office page: lists cut by id, forms that call one command, buttons that call one command."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from django import forms
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import register_converter
from django.views.generic import FormView, TemplateView, View

from compliance import access
from compliance.http import StaffPage
from coverpay.kernel.errors import DomainError, Forbidden, NotFound
from coverpay.kernel.ids import IdField, is_id
from coverpay.kernel.money import Money

M = TypeVar("M", bound=Model)

PAGE_SIZE = 50

if TYPE_CHECKING:
    _FormView = FormView[Any]
else:
    _FormView = FormView


class IdInPath:
    """`<id:policy_id>` in a path: only what has the shape of an id."""

    regex = "[a-z]{2,5}_[0-9a-z]{26}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(IdInPath, "id")


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some rows of a list, newest first, and where the next page begins (None on the last)."""

    rows: Sequence[M]
    next_cursor: str | None


def page_of(rows: QuerySet[M], after: str = "", size: int = PAGE_SIZE) -> Page[M]:
    """Cut one page out of a list by id, so that page 1,000 costs what page 1 costs.

    Takes:  `after`, the last id of the page before; what cannot be an id of these rows is as none.
    """
    newest_first = rows.order_by("-pk")
    if _may_be_key(rows.model, after):
        newest_first = newest_first.filter(pk__lt=after)
    found = list(newest_first[: size + 1])
    return Page(
        rows=found[:size],
        next_cursor=str(found[size - 1].pk) if len(found) > size else None,
    )


def _may_be_key(model: type[Model], text: str) -> bool:
    return is_id(text) if isinstance(model._meta.pk, IdField) else text.isdecimal() and len(text) < 19


class MoneyField(forms.CharField):
    """An amount as people write it (10,718.00), read into minor units of `currency`."""

    def __init__(self, *, currency: str = "USD", **kwargs: Any) -> None:
        self.currency = currency
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(**{"widget": widget, "max_length": 24, **kwargs})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Money.parse(text, self.currency).amount_minor
        except DomainError as error:
            raise forms.ValidationError(error.message) from None


class DateField(forms.DateField):
    """A day, picked or typed as 2026-01-31."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(**{"widget": widget, "input_formats": ["%Y-%m-%d"], **kwargs})


class FilterForm(forms.Form):
    """The filters above a list. One that cannot be read filters nothing and says why."""

    use_required_attribute = False

    def value(self, name: str) -> Any:
        return self.cleaned_data.get(name)


class ListPage(StaffPage, TemplateView):
    """A list of what the actor may see. Subclasses give `rows`, narrowed by the filters."""

    filters: ClassVar[type[FilterForm]] = FilterForm

    def rows(self, filters: FilterForm) -> QuerySet[Any]:
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        filters = self.filters(self.request.GET)
        filters.is_valid()
        rows = access.visible(self.actor, self.rows(filters))
        page = page_of(rows, self.request.GET.get("after", ""))
        filtered = any(filters.value(name) for name in filters.fields)
        return super().get_context_data(filters=filters, filtered=filtered, page=page, **kwargs)


class CommandPage(StaffPage, _FormView):
    """A form that calls one command. What the command refuses is shown at the field it names."""

    fields_of: ClassVar[dict[str, str]] = {}
    """The command's name of a field -> the form's, where they differ."""

    def run(self, form: Any) -> str:
        """Call one command and give the address to go to."""
        raise NotImplementedError

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            return redirect(self.run(form))
        except DomainError as error:
            self.show(error, form)
            return self.form_invalid(form)

    def show(self, error: DomainError, form: Any) -> None:
        """Put a refusal at its field, or above the form. What is not there or not allowed is a page of its own."""
        name = self.fields_of.get(error.field or "", error.field)
        if name in form.fields:
            form.add_error(name, error.message)
        elif isinstance(error, Forbidden | NotFound):
            raise error
        else:
            form.add_error(None, error.message)

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response


class PreviewPage(CommandPage):
    """A form that shows what its command would do before it does it: the first button previews, the second runs.

    The second button carries a mark of what was typed and shown. When either has changed since, the page shows the new
    preview instead of running the command: what was looked at is what happens.
    """

    def preview(self, form: Any) -> Any:
        """Compute what the command would do, for the template; writes nothing."""
        raise NotImplementedError

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            shown = self.preview(form)
        except DomainError as error:
            self.show(error, form)
            return self.form_invalid(form)
        mark = hashlib.sha256(f"{form.cleaned_data!r} {shown!r}".encode()).hexdigest()[:32]
        asked = self.request.POST.get("confirm", "")
        if asked == mark:
            return super().form_valid(form)
        page = self.get_context_data(form=form, preview=shown, confirm=mark, changed_since=bool(asked))
        return self.render_to_response(page)


class ActionPage(StaffPage, View):
    """A button that calls one command. What the command refuses is said on the page the button stands on."""

    http_method_names: ClassVar[list[str]] = ["post"]  # type: ignore[misc]

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        """Call one command and give the words of success."""
        raise NotImplementedError

    def back(self, **kwargs: str) -> str:
        """The address to return to."""
        raise NotImplementedError

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        try:
            messages.success(request, self.act(request, **kwargs))
        except (Forbidden, NotFound):
            raise
        except DomainError as error:
            messages.error(request, error.message)
        return redirect(self.back(**kwargs))
