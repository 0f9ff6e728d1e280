"""Pure: what an account's settings say about its files: who we are at the bank, and its cut-off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from coverpay.kernel.errors import Invalid
from payments.ach import calendar
from payments.ach.layouts import is_plain, is_routing
from payments.ach.writing import Sender

REQUIRED = (
    "immediate_destination",
    "destination_name",
    "immediate_origin",
    "origin_name",
    "odfi_routing",
    "company_name",
    "company_id",
)
OPTIONAL = ("cut_off", "time_zone", "same_day", "description", "company_discretionary")
_LENGTHS = {
    "destination_name": 23,
    "immediate_origin": 10,
    "origin_name": 23,
    "company_name": 16,
    "company_id": 10,
    "description": 10,
    "company_discretionary": 20,
}


class TermsUnusable(Invalid):
    """An account's settings do not say what its files need; the message names the setting."""

    code = "ach_terms_unusable"


@dataclass(frozen=True, slots=True)
class Terms:
    """How files of an account are written. `description` is that of plain charges, such as PREMIUM."""

    sender: Sender
    company_name: str
    company_id: str
    company_discretionary: str
    description: str
    cut_off: dt.time
    zone: ZoneInfo
    same_day: bool

    def file_day(self, now: dt.datetime) -> dt.date:
        """The banking day whose file an entry made now still reaches."""
        return calendar.file_day(now, self.cut_off, self.zone)


def read(settings: Mapping[str, Any]) -> Terms:
    """Read an account's settings. Raises: TermsUnusable, CutOffUnreadable."""
    said = {name: str(settings.get(name, "")).strip() for name in (*REQUIRED, "company_discretionary")}
    said["description"] = str(settings.get("description") or "PREMIUM")
    for name in REQUIRED:
        if not said[name]:
            raise TermsUnusable(f"The ACH account has no setting {name}.", field="settings", key=name)
    for name in ("immediate_destination", "odfi_routing"):
        if not is_routing(said[name]):
            raise TermsUnusable(f"The setting {name} is no routing number.", field="settings", key=name)
    for name, length in _LENGTHS.items():
        if len(said[name]) > length or not is_plain(said[name]):
            message = f"The setting {name} has at most {length} characters, printable ASCII only."
            raise TermsUnusable(message, field="settings", key=name)
    hour, zone = calendar.cut_off(
        str(settings.get("cut_off") or "16:00"), str(settings.get("time_zone") or calendar.EASTERN)
    )
    sender = Sender(
        said["immediate_destination"],
        said["immediate_origin"],
        said["destination_name"],
        said["origin_name"],
        said["odfi_routing"][:8],
    )
    return Terms(
        sender=sender,
        company_name=said["company_name"],
        company_id=said["company_id"],
        company_discretionary=said["company_discretionary"],
        description=said["description"],
        cut_off=hour,
        zone=zone,
        same_day=bool(settings.get("same_day")),
    )
