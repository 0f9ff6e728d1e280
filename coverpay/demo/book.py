"""Load the demo book: organizations, people, plans, a program, a bank account and a sandbox processor. Repeatable."""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password

from billing import schedules
from compliance import identity, screening
from compliance.models import Organization, User
from compliance.permissions import ROLE_PERMISSIONS, Permission
from coverpay.demo import terms
from coverpay.kernel.actors import Actor, system
from payments import accounts, recovery_plans, recovery_versions
from payments.models import GatewayAccount
from policies import programs
from reconciliation.bank_accounts import open_bank_account
from reconciliation.models import BankAccount

OPERATOR = ("mga", "Harbor Pacific Underwriters", "harbor")
CARRIER = ("carrier", "Tradewind Mutual Insurance", "tradewind")
AGENCY = ("agency", "Lighthouse Insurance Agency", "lighthouse")
NEIGHBOR = ("wholesaler", "Northwind Brokerage", "northwind")

PROGRAM = "hi-commercial"
BANK_ID, ACCOUNT_MARK = "121000358", "4410067"
ROOT = "root@coverpay.example"
MERCHANT = "harbor-pacific"
ORIGINATION = {
    "immediate_destination": "121000358",
    "destination_name": "PACIFIC BANK",
    "immediate_origin": "1234567890",
    "origin_name": "HARBOR PACIFIC",
    "odfi_routing": "121000358",
    "company_name": "HARBOR PACIFIC",
    "company_id": "1234567890",
}
BLOCKED = '1,"INVENTED TRADING COMPANY",-0- ,"DEMO",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \n'
"""A list of one invented company, so that the demo can screen; a real installation imports what OFAC publishes."""
SINCE = dt.date(2025, 1, 1)
INSTALLER = system("demo_book")


def load() -> dict[str, Any]:
    """Bring the demo book to where it should be and keep how to sign in. Gives what was kept."""
    operator, carrier, agency, neighbor = (_organization(*each) for each in (OPERATOR, CARRIER, AGENCY, NEIGHBOR))
    actor = administrator(operator)
    for code, (name, spec) in terms.PLANS.items():
        schedules.publish_plan(code=code, name=name, spec=spec, effective_from=SINCE, actor=actor)
    programs.publish(
        code=PROGRAM,
        name="Island and coast commercial property",
        carrier_id=carrier.id,
        states=sorted(terms.TAX_FACTS),
        terms=terms.program_terms(),
        effective_from=SINCE,
        actor=actor,
    )
    _processor(actor, _bank_account(actor))
    recovery_versions.publish(spec=recovery_plans.STANDARD, effective_from=SINCE, actor=actor)
    screening.import_list(source="DEMO", published_on=SINCE, primary=BLOCKED, actor=INSTALLER)
    people = [(f"{role}@harbor.example", role, operator) for role in ROLE_PERMISSIONS]
    people += [("admin@northwind.example", "admin", neighbor), ("viewer@lighthouse.example", "viewer", agency)]
    people += [("viewer@tradewind.example", "viewer", carrier)]
    return _keep(people, operator)


def administrator(organization: Organization) -> Actor:
    """The system acting for one organization with every permission of its administrator."""
    return Actor(
        kind="system",
        id="demo_book",
        organization_id=organization.id,
        permissions=frozenset(Permission),
        label="demo_book",
    )


def _organization(kind: str, name: str, code: str) -> Organization:
    found = Organization.objects.filter(code=code).first()
    return found or identity.create_organization(kind=kind, name=name, code=code, actor=INSTALLER)


def _bank_account(actor: Actor) -> BankAccount:
    found = BankAccount.objects.filter(organization_id=actor.organization_id, account_mark=ACCOUNT_MARK).first()
    return found or open_bank_account(
        name="Premium trust account",
        bank_id=BANK_ID,
        account_mark=ACCOUNT_MARK,
        currency="USD",
        fund="trust",
        actor=actor,
    )


def _processor(actor: Actor, bank_account: BankAccount) -> None:
    if not GatewayAccount.objects.filter(gateway="sandbox", merchant=MERCHANT).exists():
        accounts.open_account(gateway="sandbox", merchant=MERCHANT, bank_account_id=bank_account.id, actor=actor)
    if not GatewayAccount.objects.filter(gateway="nacha", merchant=MERCHANT).exists():
        accounts.open_account(
            gateway="nacha",
            merchant=MERCHANT,
            bank_account_id=bank_account.id,
            settings=ORIGINATION,
            actor=actor,
        )
    rules = [
        {"name": "cards", "when": {"method": ["card"]}, "gateway": "sandbox"},
        {"name": "bank debits", "when": {"method": ["ach"]}, "to": ["nacha"]},
    ]
    accounts.publish_routing(rules=rules, effective_from=SINCE, actor=actor)


def _keep(people: list[tuple[str, str, Organization]], operator: Organization) -> dict[str, Any]:
    """Write var/demo.json (0600): logins with the passwords made for this installation, and an API key."""
    file = Path(settings.VAR_DIR) / "demo.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    password = kept.get("password") or f"demo-{secrets.token_urlsafe(9)}"
    hashed = _hashed(password)
    for email, role, organization in people:
        _person(email, role, organization, hashed)
    _superuser(hashed)
    told = {
        "password": password,
        "api_key": _key(kept.get("api_key", ""), operator),
        "logins": [
            {"email": email, "password": password, "role": f"{role} of {organization.name}"}
            for email, role, organization in people
        ]
        + [{"email": ROOT, "password": password, "role": "superuser"}],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as target:
        json.dump(told, target, indent=2)
    return told


def _hashed(password: str) -> str:
    """Hash the one password of all demo logins once, hashing being slow on purpose; keep the hash while it fits."""
    root = User.objects.filter(email=ROOT).first()
    return root.password if root and root.check_password(password) else make_password(password)


def _person(email: str, role: str, organization: Organization, hashed: str) -> None:
    staff = role in ("finance", "admin", "compliance")
    user = _user(email, hashed, name=email.split("@")[0].title(), is_staff=staff)
    if not user.memberships.filter(organization=organization, role=role).exists():
        identity.set_role(user_id=user.id, organization_id=organization.id, role=role, actor=INSTALLER)


def _superuser(hashed: str) -> None:
    _user(ROOT, hashed, name="Root", is_staff=True, is_superuser=True)


def _user(email: str, hashed: str, **once: Any) -> User:
    """Give the user, made with the fields in `once` when there was none, with this password."""
    user, _ = User.objects.get_or_create(email=email, defaults={"password": hashed, **once})
    if user.password != hashed:
        user.password = hashed
        user.save(update_fields=["password"])
    return user


def _key(kept: str, operator: Organization) -> str:
    if kept and identity.actor_for_token(kept) is not None:
        return kept
    issued = identity.issue_api_key(
        organization_id=operator.id, name="Main job", scopes=sorted(Permission), days=90, actor=INSTALLER
    )
    return issued.token
