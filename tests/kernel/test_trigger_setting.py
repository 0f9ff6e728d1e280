"""What triggers leave out is set on every connection: unset, each row would undo a subtransaction to find that out."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from payments.models import GatewayAccount
from tests.support.books import House

pytestmark = pytest.mark.django_db


def test_the_setting_is_there_and_leaves_out_no_trigger(house: House) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('pgtrigger.ignore')")
        assert cursor.fetchone() == ("{}",)
    with pytest.raises(DatabaseError), transaction.atomic():
        GatewayAccount.objects.update(merchant="x")
