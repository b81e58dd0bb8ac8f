"""Hand-written SQL from files, and constraints turned into refusals."""

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
    """The text of ``<app>/sql/<verb>.sql``, read once."""
    return (ROOT / path).read_text()


def fetch_all(path: str, params: Mapping[str, Any]) -> list[Row]:
    """Run the statement in ``path`` and return its rows as dictionaries, JSON columns as the values they hold."""
    with connection.cursor() as cursor:
        cursor.execute(load_sql(path), params)
        described = cursor.description  # made anew each time it is asked for
        if described is None:
            return []
        columns = [(column.name, column.type_code in JSON_TYPES) for column in described]
        return [
            {
                name: json.loads(value) if is_json and value is not None else value
                for (name, is_json), value in zip(columns, row, strict=True)
            }
            for row in cursor.fetchall()
        ]


def fetch_one(path: str, params: Mapping[str, Any]) -> Row | None:
    """The first row of the statement in ``path``, or None."""
    rows = fetch_all(path, params)
    return rows[0] if rows else None


def try_fetch_one(path: str, params: Mapping[str, Any]) -> Row | None:
    """Like ``one``, but without a row nothing stays locked.

    PostgreSQL keeps a row locked until the transaction ends, even where the row, once it was locked, no longer met the
    condition. Whoever then waits for another row may be waited for in turn: a deadlock. So the statement gets a
    savepoint of its own, which ends at once where no row came, and else with the transaction.
    """
    before = transaction.savepoint()
    row = fetch_one(path, params)
    if row is None:
        transaction.savepoint_rollback(before)
        transaction.savepoint_commit(before)
    return row


def execute(path: str, params: Mapping[str, Any]) -> int:
    """Run the statement in ``path``; how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(load_sql(path), params)
        touched: int = cursor.rowcount
        return touched


@contextmanager
def extended_timeouts(limit: str = "15min") -> Iterator[None]:
    """Inside it, a statement of this transaction may take as long as very many rows need."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")


def violated_constraint(error: IntegrityError) -> str:
    """The name of the constraint that the driver reports, or an empty string."""
    diag = getattr(error.__cause__, "diag", None)
    return getattr(diag, "constraint_name", None) or ""


@contextmanager
def translate_constraint(constraint: str, refusal: type[DomainError], **members: Any) -> Iterator[None]:
    """Answer the violation of the named constraint as ``refusal``; let anything else through, loud."""
    try:
        yield
    except IntegrityError as error:
        if violated_constraint(error) != constraint:
            raise
        raise refusal(**members) from error
