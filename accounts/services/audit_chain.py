"""The chain of the audit log: each event's digest covers its content and the digest before.

A task links committed events, so writers never wait for one another. An event is covered from then on. What leads to a
person has a digest of its own with a random salt, which an erasure deletes: the rest of the event stays covered.
"""

import hashlib
import secrets
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any

import structlog
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Max, Model, QuerySet

from accounts.models import AuditLink
from core.privacy import Erasure, list_tables

log = structlog.get_logger(__name__)

DELAY = timedelta(seconds=30)  # after which a request adds nothing to the context of its events
LATE = timedelta(hours=1)  # by which an event may be linked after a newer one: no transaction takes as long
OVERLAP = 10_000  # events of a table before the last linked one, among which a run looks for those that committed late
BATCH = 1_000  # events in one transaction
TIME_BUDGET_SECONDS = 45.0
GENESIS = bytes(32)
_MEMBERS = "(SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(e)) WHERE key = ANY(%s::text[]))"
_CONTENT = f"sha256(convert_to(concat({_MEMBERS}, '|', c.metadata - 'address'), 'UTF8'))"
_PERSONAL = f"convert_to(concat({_MEMBERS}, '|', c.metadata ->> 'address'), 'UTF8')"
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('accounts_auditlink'))"


@dataclass(frozen=True, slots=True)
class Source:
    """A table of the audit log, with its columns and those of them that lead to a person."""

    model: type[Model]
    columns: tuple[str, ...]
    personal: tuple[str, ...]

    @property
    def table(self) -> str:
        """The name of the table."""
        return self.model._meta.db_table  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class EventContent:
    """What the digests of an event are made of: ``content`` is a digest, and ``personal`` what is still salted."""

    row: int
    created_at: datetime
    content: bytes
    personal: bytes


@cache
def list_sources() -> tuple[Source, ...]:
    """Return the tables of the audit log, by name."""
    models = [model for model in apps.get_models() if getattr(model, "pgh_tracked_model", None) is not None]
    return tuple(sorted(map(_to_source, models), key=lambda source: source.table))


def _to_source(model: Any) -> Source:
    kept = Erasure.UNCHANGED
    names = {
        column.name
        for table in list_tables()
        for column in table.columns
        if table.model_class is model and column.erasure is not kept
    }
    columns = {field.name: field.column for field in model._meta.concrete_fields}  # noqa: SLF001
    return Source(model, tuple(sorted(columns.values())), tuple(sorted(columns[name] for name in names)))


def fetch_contents(source: Source, columns: Sequence[str], *, where: str, params: Sequence[Any]) -> list[EventContent]:
    """Return the contents of the events of a table that match a condition, in the order of their keys.

    ``columns`` are those that are covered. The row's context counts as part of it; its address is personal.
    """
    statement = (
        f"SELECT e.pgh_id, e.pgh_created_at, {_CONTENT}, {_PERSONAL} FROM {source.table} e"  # noqa: S608  (of the models)
        f" LEFT JOIN pghistory_context c ON c.id = e.pgh_context_id WHERE {where} ORDER BY e.pgh_id"
    )
    personal = [name for name in columns if name in source.personal]
    kept = [name for name in columns if name not in source.personal]
    with connection.cursor() as cursor:
        cursor.execute(statement, [kept, personal, *params])
        return [EventContent(row, at, bytes(content), bytes(rest)) for row, at, content, rest in cursor.fetchall()]


def digest_link(link: AuditLink, previous: bytes) -> bytes:
    """Return the digest of a link, which covers what it says of its event and the digest before."""
    head = "\0".join([str(link.pk), link.source, str(link.row), *link.columns]).encode()
    parts = (previous, hashlib.sha256(head).digest(), bytes(link.content), bytes(link.personal))
    return hashlib.sha256(b"".join(parts)).digest()


def digest_personal(personal: bytes, salt: bytes) -> bytes:
    """Return the digest of what leads to a person, which can't be tested without the salt."""
    return hashlib.sha256(salt + personal).digest()


# --- growth -----------------------------------------------------------------------------------------------------------
def extend_chain(*, at: datetime, time_budget: float = TIME_BUDGET_SECONDS) -> int:
    """Link the events that were committed, in transactions of up to ``BATCH``. Return their number.

    One worker at a time does this; another one returns at once. Logs the number and the digest of the last link, which
    shows later whether the end of the chain was removed.
    """
    deadline, total = time.monotonic() + time_budget, 0
    while time.monotonic() < deadline and (linked := _link_next(at)):
        total += linked
    if total and (head := AuditLink.objects.order_by("-pk").first()) is not None:
        log.info("audit_chained", events=total, link=head.pk, digest=bytes(head.digest).hex())
    return total


@transaction.atomic
def _link_next(at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK)
        if not cursor.fetchone()[0]:
            return 0
    head = AuditLink.objects.order_by("-pk").first()
    number, previous = (head.pk, bytes(head.digest)) if head else (0, GENESIS)
    found = [(event.created_at, source.table, event.row, source, event) for source, event in _iter_unlinked(at)]
    found.sort(key=lambda item: item[:3])
    links = []
    for _created_at, table, row, source, event in found[:BATCH]:
        number += 1
        salt = secrets.token_bytes(16)
        link = AuditLink(
            pk=number, source=table, row=row, columns=list(source.columns), content=event.content,
            personal=digest_personal(event.personal, salt), salt=salt, linked_at=at,
        )  # fmt: skip
        link.digest = previous = digest_link(link, previous)
        links.append(link)
    AuditLink.objects.bulk_create(links)
    return len(links)


def _iter_unlinked(at: datetime) -> Iterator[tuple[Source, EventContent]]:
    where = (
        "e.pgh_id > %s AND e.pgh_created_at < %s"
        " AND NOT EXISTS (SELECT FROM accounts_auditlink l WHERE l.source = %s AND l.row = e.pgh_id)"
        " AND e.pgh_id <= (SELECT max(pgh_id) FROM (SELECT u.pgh_id FROM {table} u WHERE u.pgh_id > %s"
        "  AND NOT EXISTS (SELECT FROM accounts_auditlink l WHERE l.source = %s AND l.row = u.pgh_id)"
        "  ORDER BY u.pgh_id LIMIT %s) next)"
    )
    for source in list_sources():
        low = get_floor(source)
        params = [low, at - DELAY, source.table, low, source.table, BATCH]
        for event in fetch_contents(source, source.columns, where=where.format(table=source.table), params=params):
            yield source, event


def get_floor(source: Source) -> int:
    """Return the key of a table's events up to which no event is linked any more."""
    newest = AuditLink.objects.filter(source=source.table).aggregate(row=Max("row"))["row"]
    return (newest or 0) - OVERLAP


# --- erasures ---------------------------------------------------------------------------------------------------------
@transaction.atomic
def update_history(rows: QuerySet[Any], values: dict[str, Any]) -> None:
    """Replace what leads to a person in events of the audit log, which are covered without it from then on."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    forget_salts(rows.model, keys)
    rows.model._base_manager.filter(pk__in=keys).update(**values)  # noqa: SLF001


def forget_salts(model: type[Model], keys: Sequence[int]) -> None:
    """Delete the salts of events, so that their digests of what leads to a person can't be tested any more."""
    AuditLink.objects.filter(source=model._meta.db_table, row__in=keys).update(salt=None)  # noqa: SLF001


@transaction.atomic
def forget_contexts(context_ids: Sequence[uuid.UUID]) -> None:
    """Delete the salts of all events of these contexts, whose addresses are about to be removed."""
    for source in list_sources() if context_ids else ():
        rows = source.model._base_manager.filter(pgh_context__in=context_ids)  # noqa: SLF001
        forget_salts(source.model, list(rows.values_list("pk", flat=True)))


# --- verification -----------------------------------------------------------------------------------------------------
CHUNK = 2_000


def iter_differences() -> Iterator[str]:
    """Yield a line for each event that was changed, removed or inserted since it was linked, the first one first.

    Stops where the chain itself is broken, since nothing that follows is proven.
    """
    previous, expected, newest = GENESIS, 1, dict[str, datetime]()
    while True:
        links = list(AuditLink.objects.filter(pk__gte=expected).order_by("pk")[:CHUNK])
        if not links:
            break
        valid: list[AuditLink] = []
        broken = ""
        for link in links:
            if link.pk != expected or bytes(link.digest) != digest_link(link, previous):
                what = "removed" if link.pk != expected else "changed"
                broken = f"audit log: link {expected} was {what}, so nothing from there on is proven"
                break
            previous, expected = bytes(link.digest), expected + 1
            valid.append(link)
        yield from _iter_changed(valid, newest)
        if broken:
            yield broken
            return
    yield from _iter_inserted(newest)


def _iter_changed(links: Sequence[AuditLink], newest: dict[str, datetime]) -> Iterator[str]:
    """Yield the events of links that were changed or removed, or are older than an event that was linked before."""
    contents: dict[tuple[str, int], EventContent | None] = {}
    by_shape = sorted(links, key=lambda link: (link.source, link.columns))
    sources = {source.table: source for source in list_sources()}
    for (table, columns), group in groupby(by_shape, key=lambda link: (link.source, link.columns)):
        source = sources.get(table)
        if source is None or not set(columns) <= set(source.columns):
            continue  # a release has removed the table or a column, so the digests can't be compared any more
        rows = [link.row for link in group]
        contents |= dict.fromkeys((table, row) for row in rows)
        found = fetch_contents(source, columns, where="e.pgh_id = ANY(%s)", params=[rows])
        contents |= {(table, event.row): event for event in found}
    for link in links:
        if (link.source, link.row) not in contents:
            continue
        event = contents[link.source, link.row]
        name = f"audit log: event {link.row} of {link.source} (link {link.pk})"
        if event is None:
            yield f"{name} was removed"
        elif event.content != bytes(link.content) or not _is_personal_part_kept(link, event):
            yield f"{name} was changed"
        elif event.created_at < newest.get(link.source, event.created_at) - LATE:
            yield f"{name} was inserted later than it says"
        if event is not None:
            newest[link.source] = max(newest.get(link.source, event.created_at), event.created_at)


def _is_personal_part_kept(link: AuditLink, event: EventContent) -> bool:
    return link.salt is None or digest_personal(event.personal, bytes(link.salt)) == bytes(link.personal)


def _iter_inserted(newest: dict[str, datetime]) -> Iterator[str]:
    """Yield the events without a link that are older than linked ones."""
    for source in list_sources():
        if source.table not in newest:
            continue
        where = (
            "NOT EXISTS (SELECT FROM accounts_auditlink l WHERE l.source = %s AND l.row = e.pgh_id)"
            " AND (e.pgh_id <= %s OR e.pgh_created_at < %s)"
        )
        params = [source.table, get_floor(source), newest[source.table] - LATE]
        for event in fetch_contents(source, (), where=where, params=params):
            yield f"audit log: event {event.row} of {source.table} was inserted later than it says"
