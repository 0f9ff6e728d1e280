"""Payments made before parts existed get the one part they have always had."""

from django.db import migrations

PARTS = """
INSERT INTO payments_paymentpart (id, payment_id, position, policy_id, invoice_id, amount_minor, live)
SELECT 'prt_' || substr(id, 5), id, 1, policy_id, invoice_id, amount_minor, state = 'processing'
  FROM payments_payment
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_payments_depth")]

    operations = [migrations.RunSQL(PARTS, migrations.RunSQL.noop)]
