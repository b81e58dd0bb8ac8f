"""The migrated database that test databases are copied from, and empty ones for tests of the migrations themselves.

``python -m tests.databases`` migrates one, if there is none, before the tests need it.
"""

import contextlib
import gc
import hashlib
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import django
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from psycopg import sql
from psycopg.conninfo import make_conninfo

PREFIX = "promoplatform_migrated_"
MIGRATED_TABLES = {"django_content_type", "auth_permission"}  # their rows come from migrations and stay
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


def is_superuser() -> bool:
    """Return whether the tests can bypass triggers and foreign keys, which `delete_rows` does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
        return bool(cursor.fetchone()[0])


def delete_rows() -> None:
    """Delete all rows but those of migrations, fifty times as fast as Django, which truncates each table."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica; SET LOCAL statement_timeout = 0")
        cursor.execute("; ".join(f'DELETE FROM "{table}"' for table in sorted(set(tables) - MIGRATED_TABLES)))


def _server_address() -> str:
    """Return the connection string of the server's maintenance database."""
    params = connection.get_connection_params()
    keys = ("host", "port", "user", "password")
    return make_conninfo(dbname="postgres", **{key: params[key] for key in keys if key in params})


@contextlib.contextmanager
def empty_database() -> Iterator[None]:
    """Connect to a database without tables, and drop it afterwards.

    Migrations are imported anew: Django changes their composite primary keys in place when a field is renamed, after
    which they can't be applied from the first one on again.
    """
    for module in [module for module in sys.modules if ".migrations." in module]:
        del sys.modules[module]
    name = f"promoplatform_empty_{os.getpid()}"
    database = sql.Identifier(name)
    with psycopg.connect(_server_address(), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(database))
        try:
            with _connected_to(name), rare_collections():
                yield
        finally:
            server.execute(sql.SQL("DROP DATABASE {}").format(database))


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """Collect garbage rarely, as migrations render thousands of models: this takes a fifth less time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


@contextlib.contextmanager
def _connected_to(database: str) -> Iterator[None]:
    """Use another database of the server."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    original = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = database
    try:
        yield
    finally:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        connection.settings_dict["NAME"] = original


def _migrate(database: str) -> None:
    """Apply all migrations to a database."""
    with _connected_to(database), rare_collections():
        call_command("migrate", verbosity=0, interactive=False)


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


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promoplatform.settings.test")
    django.setup()
    ensure_template()
