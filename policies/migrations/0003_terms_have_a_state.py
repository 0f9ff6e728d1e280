"""Let the terms of bound and declined policies say so."""

from django.db import migrations

_FILL = """
ALTER TABLE policies_term DISABLE TRIGGER USER;
UPDATE policies_term t
   SET state = CASE p.state WHEN 'bound' THEN 'in_force' ELSE 'not_taken' END
  FROM policies_policy p
 WHERE p.id = t.policy_id AND p.state IN ('bound', 'not_taken');
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE policies_term ENABLE TRIGGER USER;
ALTER TABLE policies_segment DISABLE TRIGGER USER;
UPDATE policies_segment SET full_term_minor = written_minor;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE policies_segment ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    dependencies = [("policies", "0002_lifecycle_and_billing")]

    operations = [migrations.RunSQL(_FILL, migrations.RunSQL.noop)]
