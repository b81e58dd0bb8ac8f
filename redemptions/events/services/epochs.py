"""Epochs of the event log: a restore into another server starts a new one, so that readers notice it.

The order of events is that of PostgreSQL's transaction numbers, which start low in a new server. A new epoch adds an
offset to the numbers, so that the order goes on, and readers outside, whose cursors may be ahead of the backup, start
again (410 ``cursor_expired``). Epoch and offset are constants in functions, because each insert reads the offset.
"""

import structlog
from django.db import connection, transaction

from core import db

log = structlog.get_logger(__name__)


def open_epoch(*, is_restored: bool = False) -> bool:
    """Start a new epoch if the database has moved to another server, or with ``is_restored``. Return whether it did.

    Every ``migrate`` calls this, so it must run before the platform starts on a restored database.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('redemptions_event epoch'))")
        state = db.fetch_all("redemptions/events/sql/select_epoch.sql", {})[0]
        number, _, known_server = state["epoch"].partition("-")
        server = state["server"]
        if known_server == server and not is_restored:
            return False
        if known_server:
            offset = max(0, state["newest"] + 1 - state["next_tx"])
            number = str(int(number) + 1)
            cursor.execute(_function("redemptions_event_offset", "bigint", f"{offset}::bigint"))
            log.warning("event_epoch_opened", epoch=int(number), offset=offset)
        cursor.execute(_function("redemptions_event_epoch", "text", f"'{number}-{server}'"))
        return bool(known_server)


def _function(name: str, type_name: str, value: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS {type_name} LANGUAGE sql STABLE AS $$ SELECT {value} $$"
