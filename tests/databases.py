"""The migrated database that test databases are copied from, so that a run does not migrate an empty one each time."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql
from psycopg.conninfo import make_conninfo

PREFIX = "promoplatform_migrated_"
LOCK = 0x70726F6D  # one worker migrates, the others wait
ROOT = Path(__file__).resolve().parents[1]


def ensure_template() -> str:
    """Return the name of a database with all migrations applied. Migrate one if there is none.

    The name holds a digest of the files that make up the schema, and the month, as migrations create the partitions of
    the months to come. Databases of other digests are dropped.
    """
    name = PREFIX + _schema_digest()
    with psycopg.connect(_server_address(), autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        existing = [row[0] for row in server.execute("SELECT datname FROM pg_database")]
        if name in existing:
            return name
        for old in existing:
            if old.startswith(PREFIX):
                server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(old)))
        unfinished = f"{PREFIX}unfinished"
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
        _migrate(unfinished)
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        server.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(name)))
    return name


def _server_address() -> str:
    """Return the connection string of the server's maintenance database."""
    params = connection.get_connection_params()
    keys = ("host", "port", "user", "password")
    return make_conninfo(dbname="postgres", **{key: params[key] for key in keys if key in params})


def _migrate(database: str) -> None:
    """Apply all migrations to a database."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    original = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = database
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        connection.settings_dict["NAME"] = original


def _schema_digest() -> str:
    """Return a digest of the models and migrations, of the pinned packages that have some, and of the month."""
    digest = hashlib.sha256(datetime.now(UTC).strftime("%Y-%m").encode())
    apps = [ROOT / app.split(".")[0] for app in settings.INSTALLED_APPS]
    files = [file for app in apps if app.is_dir() for file in app.rglob("*") if _is_schema(file)]
    for file in [ROOT / "requirements.txt", *sorted(set(files))]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _is_schema(file: Path) -> bool:
    return file.suffix in {".py", ".sql"} and bool({"migrations", "models", "models.py", "core"} & set(file.parts))
