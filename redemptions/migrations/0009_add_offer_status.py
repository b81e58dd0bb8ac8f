"""The status of an offer in SQL, as ``redemptions.lifecycle.derive_status`` derives it in Python."""

from django.db import migrations

CREATE = """
CREATE FUNCTION offer_status(decision text, starts timestamptz, ends timestamptz, at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE
    WHEN decision IN ('draft', 'ended', 'archived') THEN decision
    WHEN ends <= at THEN 'ended'
    WHEN decision = 'paused' THEN 'paused'
    WHEN at < starts THEN 'scheduled'
    ELSE 'active'
END
$$;
"""
DROP = "DROP FUNCTION offer_status(text, timestamptz, timestamptz, timestamptz);"


class Migration(migrations.Migration):
    dependencies = [("redemptions", "0008_order_prefixes")]

    operations = [migrations.RunSQL(CREATE, DROP)]
