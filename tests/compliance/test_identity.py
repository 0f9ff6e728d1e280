"""People, roles and organizations, and the entry each change leaves."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, connection, transaction

from compliance import access, identity
from compliance.access import MissingAccess
from compliance.models import ApiKey, AuditEntry, EventRecord, Membership, Organization, User
from compliance.permissions import MONEY_MOVING, ROLE_PERMISSIONS, Permission
from coverpay.kernel import clock, commands
from coverpay.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tests.support import world

pytestmark = pytest.mark.django_db


def _last(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("id")


def test_opening_an_organization_leaves_an_entry() -> None:
    org = world.organization("carrier", "acme")
    entry = _last("organization.create")
    assert (entry.object_id, entry.organization_id, entry.before) == (org.id, org.id, {})
    assert entry.after == {"kind": "carrier", "name": "Acme", "code": "acme"}
    assert (entry.actor_kind, entry.actor_id) == ("system", "test")


def test_two_organizations_cannot_share_a_code_or_be_of_an_unknown_kind() -> None:
    world.organization("mga", "twin")
    with pytest.raises(Conflict) as twin:
        world.organization("carrier", "twin")
    with pytest.raises(Invalid) as kind:
        world.organization("bank", "other")
    assert (twin.value.field, kind.value.field) == ("code", "kind")


def test_only_the_installation_opens_organizations() -> None:
    admin = world.actor(world.organization())
    with pytest.raises(NotFound):
        identity.create_organization(kind="mga", name="Mine", code="mine", actor=admin)
    assert not Organization.objects.filter(code="mine").exists()


def test_changing_a_role_keeps_the_role_before() -> None:
    org = world.organization()
    user = world.member(org, "viewer", "kim@example.org")
    world.member(org, "cash", "kim@example.org")
    entry = _last("membership.set_role")
    assert entry.before == {"role": "viewer"}
    assert entry.after == {"role": "cash", "user": user.id}
    assert Membership.objects.filter(user=user).count() == 1


def test_a_key_and_its_end_are_in_the_trail_with_before_and_after() -> None:
    org = world.organization()
    key_id = world.token(org, Permission.POLICIES_READ).partition(".")[0]
    assert _last("api_key.issue").after["scopes"] == ["policies.read"]
    identity.revoke_api_key(key_id=key_id, actor=world.actor(org))
    entry = _last("api_key.revoke")
    assert entry.before == {"revoked_at": None}
    assert entry.after["revoked_at"] is not None
    first = ApiKey.objects.get(pk=key_id).revoked_at
    with clock.frozen(clock.now() + dt.timedelta(hours=1)):
        again = identity.revoke_api_key(key_id=key_id, actor=world.actor(org))
    assert again.revoked_at == first


@pytest.mark.parametrize(("days", "field"), [(0, "days"), (367, "days"), (-1, "days")])
def test_a_key_lives_one_day_to_a_year(days: int, field: str) -> None:
    org = world.organization()
    with pytest.raises(Invalid) as refusal:
        world.token(org, days=days)
    assert refusal.value.field == field


def test_nobody_gives_roles_in_an_organization_that_is_not_theirs() -> None:
    ours, theirs = world.organization(), world.organization()
    person = world.member(ours, "viewer")
    with pytest.raises(NotFound):
        identity.set_role(user_id=person.id, organization_id=theirs.id, role="admin", actor=world.actor(ours))
    with pytest.raises(Forbidden):
        identity.set_role(user_id=person.id, organization_id=ours.id, role="admin", actor=world.actor(ours, "finance"))
    assert person.memberships.get().role == "viewer"


def test_a_viewer_holds_nothing_that_moves_money_and_only_admins_hold_everything() -> None:
    assert not ROLE_PERMISSIONS["viewer"] & MONEY_MOVING
    assert {role for role, held in ROLE_PERMISSIONS.items() if held == frozenset(Permission)} == {"admin"}
    assert set(ROLE_PERMISSIONS) == set(Membership.Role.values)


def test_a_person_acts_for_one_organization_at_a_time() -> None:
    first, second = world.organization(), world.organization()
    user = world.member(first, "viewer", "two@example.org")
    world.member(second, "admin", "two@example.org")
    assert identity.actor_for_user(user).organization_id == first.id
    chosen = identity.actor_for_user(user, second.id)
    assert (chosen.organization_id, chosen.permissions) == (second.id, frozenset(Permission))
    assert identity.actor_for_user(user, world.organization().id).organization_id == first.id


def test_a_superuser_without_membership_sees_everything_and_a_stranger_nothing() -> None:
    world.organization()
    root = User.objects.create_superuser("root@example.org", world.PASSWORD)
    stranger = User.objects.create_user("nobody@example.org", world.PASSWORD)
    everything = access.visible(identity.actor_for_user(root), Organization.objects.all())
    assert everything.count() == Organization.objects.count()
    assert not access.visible(identity.actor_for_user(stranger), Organization.objects.all()).exists()


def test_a_model_that_declares_no_access_is_never_queried_for_someone() -> None:
    with pytest.raises(MissingAccess):
        access.visible(world.actor(world.organization()), User.objects.all())


def test_a_command_that_leaves_no_entry_is_undone() -> None:
    org = world.organization()

    @commands.command
    def rename(*, actor: object) -> None:
        Organization.objects.filter(pk=org.id).update(name="Silently")

    with pytest.raises(commands.CommandNotAudited):
        rename(actor=world.TESTER)
    assert Organization.objects.get(pk=org.id).name != "Silently"


@pytest.mark.parametrize("table", [AuditEntry._meta.db_table, EventRecord._meta.db_table])
@pytest.mark.parametrize("verb", ["UPDATE {0} SET organization_id = NULL", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_raw_sql_cannot_rewrite_what_happened(table: str, verb: str) -> None:
    world.organization()
    with pytest.raises(DatabaseError, match="kept as written"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(verb.format(table))


def test_raw_sql_cannot_widen_or_prolong_a_key() -> None:
    world.token(world.organization())
    for change in ("scopes = '{access.write}'", "expires_at = 'infinity'", "secret_sha256 = 'x'"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {ApiKey._meta.db_table} SET {change}")
