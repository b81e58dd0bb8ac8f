"""Hand-written SQL from files, and translation of constraint violations into domain errors."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.db import IntegrityError, connection, transaction

from core.errors import DomainError

ROOT = Path(__file__).resolve().parents[1]
Row = dict[str, Any]
JSON_TYPES = {114, 3802}  # PostgreSQL's json and jsonb, which Django leaves as text


@cache
def load_sql(path: str) -> str:
    """Return the text of ``<app>/sql/<verb>_<object>.sql``, read once per process."""
    return (ROOT / path).read_text()


def fetch_all(path: str, params: Mapping[str, Any]) -> list[Row]:
    """Run the statement in ``path`` and return its rows as dictionaries, with JSON columns parsed."""
    with connection.cursor() as cursor:
        cursor.execute(load_sql(path), params)
        description = cursor.description  # a new list at each access
        if description is None:
            return []
        columns = [(column.name, column.type_code in JSON_TYPES) for column in description]
        return [
            {
                name: json.loads(value) if is_json and value is not None else value
                for (name, is_json), value in zip(columns, row, strict=True)
            }
            for row in cursor.fetchall()
        ]


def fetch_one(path: str, params: Mapping[str, Any]) -> Row | None:
    """Run the statement in ``path`` and return its first row, or None."""
    rows = fetch_all(path, params)
    return rows[0] if rows else None


def try_fetch_one(path: str, params: Mapping[str, Any]) -> Row | None:
    """Run a statement as ``fetch_one`` does, but keep no row locked if it returns none.

    PostgreSQL keeps a row locked until the transaction ends, even if the row no longer meets the condition once it is
    locked. A transaction that then waits for another row can cause a deadlock. So the statement runs within a savepoint
    of its own, which is rolled back if there is no row.
    """
    savepoint = transaction.savepoint()
    row = fetch_one(path, params)
    if row is None:
        transaction.savepoint_rollback(savepoint)
        transaction.savepoint_commit(savepoint)
    return row


def execute(path: str, params: Mapping[str, Any]) -> int:
    """Run the statement in ``path`` and return the number of affected rows."""
    with connection.cursor() as cursor:
        cursor.execute(load_sql(path), params)
        row_count: int = cursor.rowcount
        return row_count


@contextmanager
def extended_timeouts(limit: str = "15min") -> Iterator[None]:
    """Raise the statement timeout of the transaction within the context, for statements over very many rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")


def violated_constraint(error: IntegrityError) -> str:
    """Return the name of the violated constraint that the driver reports, or an empty string."""
    diag = getattr(error.__cause__, "diag", None)
    return getattr(diag, "constraint_name", None) or ""


@contextmanager
def translate_constraint(constraint: str, error_class: type[DomainError], **extensions: Any) -> Iterator[None]:
    """Translate a violation of the constraint into ``error_class``. Re-raise any other integrity error."""
    try:
        yield
    except IntegrityError as error:
        if violated_constraint(error) != constraint:
            raise
        raise error_class(**extensions) from error


@contextmanager
def undone() -> Iterator[None]:
    """Run the block and undo what it wrote, in a savepoint: afterwards, its rows are unlocked, too."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
