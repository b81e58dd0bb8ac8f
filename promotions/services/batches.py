"""Batches of unique codes: made from a pattern in the background, or brought along from another system.

A chunk is one transaction that adds the codes and says how far the batch has come, so whatever dies in between, making
goes on exactly where it stopped and never makes one too many.
"""

import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import Brand
from core import db
from core.errors import InvalidRequest
from core.outbox import enqueue_on_commit
from promotions import code_rules
from promotions.errors import InvalidStatus, PatternTooWeak
from promotions.models import Code, CodeBatch, Promotion, Status, Trigger
from promotions.selectors.batches import count_codes_of_pattern
from segments.customer_id_files import first_cell

MAX_BATCH_SIZE = 5_000_000
CHUNK = 25_000  # codes a transaction, about half a second
IMPORT_CHUNK = 5_000  # lines a transaction
TIME_BUDGET_SECONDS = 60.0  # seconds that one task goes on; it promises the next
MAX_REPORTED_ERRORS = 1_000  # lines of an import that are reported one by one

# the codes go into the table by way of one that only this transaction sees: COPY alone would stop at the first clash
_OPEN = "CREATE TEMPORARY TABLE promotions_drawn (text varchar(64)) ON COMMIT DROP"
_CLOSE = "DROP TABLE promotions_drawn"
_COPY = "COPY promotions_drawn (text) FROM STDIN"
_ADD = (
    "INSERT INTO promotions_code (text, digest, kind, brand_id, promotion_id, batch_id, single_use)"
    " SELECT text, sha256(convert_to(text, 'UTF8')), %(kind)s, %(brand)s, %(promotion)s, %(batch)s, true"
    " FROM promotions_drawn ON CONFLICT DO NOTHING"
)


@dataclass(slots=True)
class ImportResult:
    """What became of the lines of an import; of the refused ones the first ``MAX_FAULTS`` are named."""

    batch: CodeBatch
    received: int = 0
    imported: int = 0
    existing: int = 0
    rejected: int = 0
    errors: list[dict[str, str | int]] = field(default_factory=list)

    def add_error(self, line: int, text: str, code: str, detail: str) -> None:
        self.rejected += 1
        if len(self.errors) < MAX_REPORTED_ERRORS:
            self.errors.append({"line": line, "text": text[:64], "code": code, "detail": detail})


# --- made from a pattern ---------------------------------------------------------------------------------------------
def create_batch(
    *, promotion: Promotion, count: int, pattern: str = code_rules.DEFAULT_PATTERN, charset: str = code_rules.DEFAULT_CHARSET
) -> CodeBatch:
    """A batch of ``count`` codes of a promotion. Raises WrongState, and what ``order_batch`` raises."""
    check_promotion_takes_codes(promotion)
    return request_batch(
        kind="promotion", brand=promotion.brand, promotion=promotion, count=count, pattern=pattern, charset=charset
    )


@transaction.atomic
def request_batch(
    *,
    kind: str,
    brand: Brand,
    promotion: Promotion | None = None,
    count: int,
    pattern: str = code_rules.DEFAULT_PATTERN,
    charset: str = code_rules.DEFAULT_CHARSET,
) -> CodeBatch:
    """A batch of ``count`` codes of a kind, up to ``MAX_COUNT``, to be made in the background; each is good once.

    Raises Invalid and PatternTooGuessable (which names the shortest pattern that would do, beside what the brand's
    other batches of this pattern hold).
    """
    pattern, charset = pattern.strip().upper(), charset.strip().upper()
    _check(brand, count, pattern, charset)
    batch = CodeBatch.objects.create(
        kind=kind, brand=brand, promotion=promotion, count=count, pattern=pattern, charset=charset
    )
    enqueue_on_commit("promotions.generate_codes", batch_id=str(batch.pk))
    return batch


def _check(brand: Brand, count: int, pattern: str, charset: str) -> None:
    if not 1 <= count <= MAX_BATCH_SIZE:
        raise InvalidRequest.field("count", f"A batch has 1 to {MAX_BATCH_SIZE:,} codes.")
    if not code_rules.is_pattern(pattern):
        raise InvalidRequest.field(
            "pattern", "A pattern is 3 to 64 of A-Z, 0-9, _ and -, with # for each that is drawn."
        )
    if not code_rules.is_charset(charset):
        raise InvalidRequest.field("charset", "A charset is 2 to 36 different letters and digits.")
    every = count + count_codes_of_pattern(brand_id=brand.pk, pattern=pattern)
    if code_rules.is_too_weak(pattern, charset, count=every):
        raise PatternTooWeak(
            bits=round(code_rules.entropy_bits(pattern, charset), 1),
            minimum_pattern=code_rules.minimum_pattern(pattern, charset, count=every),
            recommended_pattern=code_rules.DEFAULT_PATTERN,
        )


def check_promotion_takes_codes(promotion: Promotion) -> None:
    """Codes can be made and given out for it. Raises Invalid, WrongState."""
    if promotion.trigger != Trigger.CODE:
        raise InvalidRequest.field("trigger", "Only a promotion that codes open has batches of codes.")
    if promotion.status in {Status.ENDED, Status.DEACTIVATED}:
        raise InvalidStatus(current_status=promotion.status)


def generate_codes(*, batch_id: uuid.UUID, time_budget: float = TIME_BUDGET_SECONDS) -> None:
    """Make codes until all are there; after ``budget`` seconds the rest is promised to another task.

    Any number of makers may be at one batch: one of them makes the next chunk, the others leave it to that one.
    """
    ends = time.monotonic() + time_budget
    while generate_chunk(batch_id=batch_id):
        if time.monotonic() >= ends:
            enqueue_on_commit("promotions.generate_codes", batch_id=str(batch_id))
            return


@transaction.atomic
def generate_chunk(*, batch_id: uuid.UUID) -> bool:
    """Make the next codes; False when none is left to make, or another maker is at it."""
    batches = CodeBatch.objects.filter(generated_count__lt=F("count"))
    batch = batches.select_for_update(skip_locked=True).filter(pk=batch_id).first()
    if batch is None:
        return False
    wanted = min(CHUNK, batch.count - batch.generated_count)
    batch.generated_count += _add(batch, code_rules.generate_codes(batch.pattern, batch.charset, count=wanted))
    CodeBatch.objects.filter(pk=batch.pk).update(
        generated_count=batch.generated_count, finished_at=Now() if batch.is_generated else None
    )
    return not batch.is_generated


def _add(batch: CodeBatch, texts: list[str]) -> int:
    """Add codes to a batch, in order, so that makers never deadlock; those that are taken stay what they are."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN)
        with cursor.copy(_COPY) as copy:
            copy.write("\n".join(texts) + "\n")
        whose = {"brand": batch.brand_id, "promotion": batch.promotion_id, "batch": batch.pk, "kind": batch.kind}
        cursor.execute(_ADD, whose)
        added = int(cursor.rowcount)
        cursor.execute(_CLOSE)
    return added


# --- brought along ---------------------------------------------------------------------------------------------------
def import_codes(*, promotion: Promotion, lines: Iterable[str], batch: CodeBatch | None = None) -> ImportResult:
    """Add a brand's own codes, the first cell of each line, to a new batch or to one that was imported before.

    Each ``IMPORT_CHUNK`` lines are one transaction. A line whose code cannot be had is reported and the others go on;
    codes that the batch has already are known, so that an import that broke off is sent again whole. Raises Invalid,
    WrongState.
    """
    check_promotion_takes_codes(promotion)
    if batch is not None and batch.pattern:
        raise InvalidRequest.field("batch", "This batch is made from a pattern.")
    chunks = _chunks(lines)
    first = next(chunks, None)
    if first is None:
        raise InvalidRequest.field("body", "There is no code in it.")
    report = ImportResult(batch or CodeBatch.objects.create(brand=promotion.brand, promotion=promotion, count=0))
    _import(report, first)
    for chunk in chunks:
        _import(report, chunk)
    CodeBatch.objects.filter(pk=report.batch.pk).update(finished_at=Now())
    report.batch.refresh_from_db()
    return report


def _chunks(lines: Iterable[str]) -> Iterator[list[tuple[int, str]]]:
    """Numbered cells in chunks, without empty lines and the line of headings."""
    cells = ((number, first_cell(line)) for number, line in enumerate(lines, 1))
    numbered = ((number, cell) for number, cell in cells if cell and not (number == 1 and cell.lower() == "code"))
    while chunk := list(islice(numbered, IMPORT_CHUNK)):
        yield chunk


@transaction.atomic
def _import(report: ImportResult, chunk: list[tuple[int, str]]) -> None:
    found: dict[str, int] = {}
    report.received += len(chunk)
    for number, cell in chunk:
        text = code_rules.normalize_code(cell)
        if text is None:
            report.add_error(number, cell, "invalid", "A code is 3 to 64 of A-Z, 0-9, _ and -.")
        elif text in found:
            report.add_error(number, text, "duplicate", f"The same code stands in line {found[text]}.")
        else:
            found[text] = number
    _keep(report, found)


def _keep(report: ImportResult, found: dict[str, int]) -> None:
    batch = report.batch
    whose = {"brand": batch.brand_id, "promotion": batch.promotion_id, "batch": batch.pk}
    rows = db.fetch_all("promotions/sql/import_batch.sql", whose | {"texts": sorted(found)})
    added = {row["text"] for row in rows}
    left = found.keys() - added
    ours = set(Code.objects.filter(pk__in=left, batch=batch).values_list("pk", flat=True)) if left else set()
    for text in sorted(left - ours, key=found.__getitem__):
        report.add_error(found[text], text, "code_taken", "This code is already taken.")
    report.imported += len(added)
    report.existing += len(ours)
    CodeBatch.objects.filter(pk=batch.pk).update(
        count=F("count") + len(added), generated_count=F("generated_count") + len(added)
    )


def check_consistency(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line for each batch that counts other codes than it has; ``repair`` changes nothing."""
    for batch in CodeBatch.objects.order_by("pk").values_list("pk", flat=True):
        row = db.fetch_one("promotions/sql/recount_batches.sql", {"batch": batch})
        if row is not None:
            yield f"batch {batch}: says {row['made']} codes, has {row['counted']}"
