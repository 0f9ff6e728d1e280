"""Give every invoice line the term of its installment, then require it."""

import django.db.models.deletion
from django.db import migrations, models

_FILL = """
ALTER TABLE billing_invoiceline DISABLE TRIGGER USER;
UPDATE billing_invoiceline l
   SET term_id = s.term_id
  FROM billing_installmentitem t
  JOIN billing_installment i ON i.id = t.installment_id
  JOIN billing_schedule s ON s.id = i.schedule_id
 WHERE t.id = l.installment_item_id;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE billing_invoiceline ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0003_lifecycle_and_billing"),
        ("policies", "0002_lifecycle_and_billing"),
    ]

    operations = [
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="invoiceline",
            name="term",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="policies.term"
            ),
        ),
    ]
