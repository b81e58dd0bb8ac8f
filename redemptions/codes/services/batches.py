"""Batches of single-use codes: generated from a pattern in the background, or imported from another system.

Each chunk is one transaction that adds codes and updates the batch's count. If a worker dies, the next one continues
from there and never generates a code too many.
"""

import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.contracts import canonicalize_customer_id, is_customer_id
from accounts.models import Brand, Customer
from core import db
from core.datetimes import parse_end
from core.errors import InvalidRequest
from core.outbox import enqueue_on_commit
from core.texts import to_upper_case
from redemptions.codes import files
from redemptions.codes import rules as code_rules
from redemptions.codes.models import CodeBatch
from redemptions.codes.rules import canonicalize_code
from redemptions.codes.selectors.batches import count_codes_of_pattern, get_batches_of_taken_codes
from redemptions.codes.services.balances import find_balance_error, parse_batch_balance, read_balance
from redemptions.codes.services.codes import check_takes_codes
from redemptions.errors import BatchRevoked, CodeTaken, PatternTooWeak
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from redemptions.stored_values import StoredValue

MAX_BATCH_SIZE = 5_000_000
INLINE_MAX_CODES = 1_000  # codes that are generated in the request
CHUNK = 25_000  # codes per transaction, about half a second
IMPORT_CHUNK = 5_000  # lines per transaction
TIME_BUDGET_SECONDS = 60.0  # of one task, which then enqueues the next
MAX_REPORTED_ERRORS = 1_000  # rejected lines of an import that are listed

END_FORMAT_MESSAGE = gettext_lazy("Enter a date, such as 2027-01-31, or a datetime with a UTC offset.")

# Codes are copied to a temporary table first, because COPY alone would stop at the first code that already exists.
CREATE_TABLE = "CREATE TEMPORARY TABLE redemptions_drawn (text varchar(64)) ON COMMIT DROP"
_DROP_TABLE = "DROP TABLE redemptions_drawn"
_COPY = "COPY redemptions_drawn (text) FROM STDIN"


@dataclass(slots=True)
class ImportResult:
    """The result of an import: counts of lines, and the first ``MAX_REPORTED_ERRORS`` rejected lines.

    ``stored_value`` is the amount of the offer, if its codes keep a balance.
    """

    batch: CodeBatch
    stored_value: StoredValue | None = None
    received: int = 0
    imported: int = 0
    existing: int = 0
    rejected: int = 0
    errors: list[dict[str, str | int]] = field(default_factory=list)

    def add_error(self, line: int, text: str, code: str, detail: str) -> None:
        self.rejected += 1
        if len(self.errors) < MAX_REPORTED_ERRORS:
            self.errors.append({"line": line, "text": text[:64], "code": code, "detail": detail})


# --- generated from a pattern -----------------------------------------------------------------------------------------
@transaction.atomic
def create_batch(
    *,
    kind: str,
    brand: Brand,
    offer: uuid.UUID,
    count: int,
    pattern: str = code_rules.DEFAULT_PATTERN,
    charset: str = code_rules.DEFAULT_CHARSET,
    balance: str | None = None,
    at: datetime,
) -> CodeBatch:
    """Create a batch of up to ``MAX_BATCH_SIZE`` single-use codes of an offer, and enqueue their generation.

    ``balance`` is the initial balance of each code, if it is not the amount of the offer.
    Raises InvalidRequest, the error of the offer, and PatternTooWeak with the shortest pattern that is strong enough.
    The codes of the brand's other batches of the same pattern count, too.
    """
    described = check_takes_codes(kind=kind, offer=offer, brand_id=brand.pk, at=at)
    pattern, charset = to_upper_case(pattern.strip()), to_upper_case(charset.strip())
    _check(brand, count, pattern, charset)
    batch = CodeBatch.objects.create(
        kind=kind, brand=brand, offer=offer, count=count, pattern=pattern, charset=charset,
        balance=parse_batch_balance(balance, described.stored_value),
    )  # fmt: skip
    enqueue_on_commit("redemptions.generate_codes", batch_id=str(batch.pk))
    return batch


def _check(brand: Brand, count: int, pattern: str, charset: str) -> None:
    if not 1 <= count <= MAX_BATCH_SIZE:
        raise InvalidRequest.field("count", _("Enter a number from 1 to %(max)s.") % {"max": f"{MAX_BATCH_SIZE:,}"})
    if not code_rules.is_pattern(pattern):
        raise InvalidRequest.field("pattern", str(code_rules.PATTERN_FORMAT_MESSAGE))
    if not code_rules.is_charset(charset):
        raise InvalidRequest.field("charset", str(code_rules.CHARSET_FORMAT_MESSAGE))
    total = count + count_codes_of_pattern(brand_id=brand.pk, pattern=pattern)
    if code_rules.is_too_weak(pattern, charset, count=total):
        raise PatternTooWeak(
            bits=round(code_rules.entropy_bits(pattern, charset), 1),
            minimum_pattern=code_rules.minimum_pattern(pattern, charset, count=total),
            recommended_pattern=code_rules.DEFAULT_PATTERN,
        )


def generate_small_batch(*, batch: CodeBatch) -> None:
    """Generate the codes of a batch of up to ``INLINE_MAX_CODES`` codes at once, instead of in the background."""
    if batch.count <= INLINE_MAX_CODES:
        while generate_chunk(batch_id=batch.pk):  # existing codes are drawn again
            pass
        batch.refresh_from_db()


def generate_codes(*, batch_id: uuid.UUID, time_budget: float = TIME_BUDGET_SECONDS) -> None:
    """Generate the codes of a batch. After ``time_budget`` seconds, enqueue another task for the rest.

    Several workers may run this for one batch: one of them generates the next chunk, the others return.
    """
    deadline = time.monotonic() + time_budget
    while generate_chunk(batch_id=batch_id):
        if time.monotonic() >= deadline:
            enqueue_on_commit("redemptions.generate_codes", batch_id=str(batch_id))
            return


@transaction.atomic
def generate_chunk(*, batch_id: uuid.UUID) -> bool:
    """Generate the next codes. Return False if none are left to generate or another worker is at it."""
    batches = CodeBatch.objects.filter(generated_count__lt=F("count"))
    batch = batches.select_for_update(skip_locked=True).filter(pk=batch_id).first()
    if batch is None:
        return False
    count = min(CHUNK, batch.count - batch.generated_count)
    batch.generated_count += _add(batch, code_rules.generate_codes(batch.pattern, batch.charset, count=count))
    db.execute("redemptions/codes/sql/count_generated.sql", {"batch": batch.pk, "made": batch.generated_count})
    return not batch.is_generated


def _add(batch: CodeBatch, texts: list[str]) -> int:
    """Insert codes in order, so that workers never deadlock, and skip existing ones. Return the number of new codes."""
    with connection.cursor() as cursor:
        cursor.execute(CREATE_TABLE)
        with cursor.copy(_COPY) as copy:
            copy.write("\n".join(texts) + "\n")
        params = {
            "brand": batch.brand_id, "offer": batch.offer, "batch": batch.pk, "kind": batch.kind,
            "balance": batch.balance,
        }  # fmt: skip
        added = db.execute("redemptions/codes/sql/insert_drawn.sql", params)
        cursor.execute(_DROP_TABLE)
    return added


# --- imported ---------------------------------------------------------------------------------------------------------
def import_codes(
    *,
    kind: str,
    brand: Brand,
    offer: uuid.UUID,
    lines: Iterable[str],
    batch: CodeBatch | None = None,
    allow_weak: bool = False,
    at: datetime,
) -> ImportResult:
    """Import a CSV file with columns of ``files.HEADINGS`` to a new batch, or to an imported one.

    Each transaction imports ``IMPORT_CHUNK`` lines. Rejected lines are reported, the others are imported. Codes that
    would be easy to guess are rejected unless ``allow_weak`` is set. A code with a customer is assigned to them, and a
    day as the end of a code is one of the brand's time zone. Codes that the batch already has are counted as existing
    and stay as they are, so an interrupted import can be repeated as a whole. Raises InvalidRequest, BatchRevoked and
    the error of the offer.
    """
    described = check_takes_codes(kind=kind, offer=offer, brand_id=brand.pk, at=at)
    if batch is not None and batch.pattern:
        raise InvalidRequest.field("batch", _("This batch is generated from a pattern. Choose an imported batch."))
    rows = files.iter_rows(lines)
    try:
        chunk = list(islice(rows, IMPORT_CHUNK))
    except files.HeadingsInvalid as error:
        raise InvalidRequest.field("body", _describe_headings(error)) from error
    if all(row.is_empty for row in chunk) and len(chunk) < IMPORT_CHUNK:
        raise InvalidRequest.field("body", _("The file contains no codes."))
    result = ImportResult(
        batch or CodeBatch.objects.create(kind=kind, brand=brand, offer=offer, count=0), described.stored_value
    )
    while chunk:
        _import(result, chunk, allow_weak=allow_weak)
        chunk = list(islice(rows, IMPORT_CHUNK))
    _finish_import(result, at)
    return result


@transaction.atomic
def _finish_import(result: ImportResult, at: datetime) -> None:
    CodeBatch.objects.filter(pk=result.batch.pk).update(finished_at=Now())
    result.batch.refresh_from_db()
    batch, counts = result.batch, {"imported": result.imported, "existing": result.existing}
    event = NewEvent(
        EventType.CODE_IMPORTED, at, batch.brand_id, batch.kind, offer=batch.offer,
        data={"batch": str(batch.pk), **counts, "rejected": result.received - sum(counts.values())},
    )  # fmt: skip
    append_events([event])


def _describe_headings(error: files.HeadingsInvalid) -> str:
    known = ", ".join(files.HEADINGS)
    if error.unknown:
        detail = _("Unknown columns: %(names)s. The first line must name the columns, which can be: %(known)s.")
        return detail % {"names": ", ".join(name[:64] for name in error.unknown[:5]), "known": known}
    if error.repeated:
        return _("Repeated columns: %(names)s.") % {"names": ", ".join(error.repeated)}
    return _("The first line must name the columns, and one of them must be: %(name)s.") % {"name": files.CODE}


@transaction.atomic
def _import(result: ImportResult, chunk: list[files.Row], *, allow_weak: bool) -> None:
    if lock_batch(batch_id=result.batch.pk).revoked_at is not None:
        raise BatchRevoked
    rows: dict[str, files.Row] = {}  # by canonical form
    result.received += len(chunk)
    for row in chunk:
        code = code_rules.normalize_code(row.cells.get(files.CODE, ""))
        if row.is_empty:
            result.add_error(row.line, "", "blank", _("The line is empty."))
        elif not row.cells:
            result.add_error(row.line, row.text, "invalid", _("The quotes or the number of cells are wrong."))
        elif code is None:
            result.add_error(row.line, row.cells[files.CODE], "invalid", str(code_rules.CODE_FORMAT_MESSAGE))
        elif detail := _find_cell_error(row, result):
            result.add_error(row.line, code, "invalid", detail)
        elif (canonical := canonicalize_code(code) or "") in rows:
            detail = _("Duplicate of line %(line)s.") % {"line": rows[canonical].line}
            result.add_error(row.line, code, "unique", detail)
        else:
            rows[canonical] = row
    if not allow_weak:
        count = result.batch.count + result.imported + len(rows)
        for canonical in sorted(code_rules.find_weak_codes(rows, count=count), key=lambda weak: rows[weak].line):
            row = rows.pop(canonical)
            result.add_error(row.line, _text_of(row), "weak", _("This code is too easy to guess."))
    _insert(result, rows)


def lock_batch(*, batch_id: uuid.UUID) -> CodeBatch:
    """Lock a batch until the end of the transaction, so that it is not revoked meanwhile, and return it."""
    return CodeBatch.objects.select_for_update(no_key=True).get(pk=batch_id)


def _find_cell_error(row: files.Row, result: ImportResult) -> str | None:
    """Return what is wrong with the cells of a line beside its code, or None."""
    customer_id = row.cells.get(files.CUSTOMER_ID, "")
    if customer_id and not is_customer_id(customer_id):
        return _("The customer ID is invalid.")
    if row.cells.get(files.EXPIRES_AT) and _end_of(row, result.batch) is None:
        return str(END_FORMAT_MESSAGE)
    return find_balance_error(row, result.stored_value)


def _insert(result: ImportResult, rows: Mapping[str, files.Row]) -> None:
    batch, sent = result.batch, list(rows.values())
    customer_ids = [canonicalize_customer_id(row.cells.get(files.CUSTOMER_ID, "")) for row in sent]
    keys = _create_customers({customer_id for customer_id in customer_ids if customer_id})
    params = {
        "brand": batch.brand_id, "offer": batch.offer, "batch": batch.pk, "kind": batch.kind,
        "texts": [_text_of(row) for row in sent],
        "customers": [keys.get(customer_id) for customer_id in customer_ids],
        "balances": [read_balance(row, result.stored_value) for row in sent],
        "ends": [_end_of(row, batch) for row in sent],
    }  # fmt: skip
    added = {row["canonical"] for row in db.fetch_all("redemptions/codes/sql/import_batch.sql", params)}
    rest = rows.keys() - added
    taken = get_batches_of_taken_codes(codes=rest, brand_id=batch.brand_id, offer=batch.offer)
    for canonical in sorted(rest, key=lambda skipped: rows[skipped].line):
        row = rows[canonical]
        if canonical not in taken:
            result.add_error(row.line, _text_of(row), "unique", _("This customer already has a code of the batch."))
        elif taken[canonical] != batch.pk:
            result.add_error(row.line, _text_of(row), CodeTaken.code, str(CodeTaken.message))
    result.imported += len(added)
    result.existing += sum(batch_id == batch.pk for batch_id in taken.values())
    CodeBatch.objects.filter(pk=batch.pk).update(
        count=F("count") + len(added), generated_count=F("generated_count") + len(added)
    )


def _text_of(row: files.Row) -> str:
    """Return the code of a valid line as it is stored."""
    return code_rules.normalize_code(row.cells[files.CODE]) or ""


def _end_of(row: files.Row, batch: CodeBatch) -> datetime | None:
    """Return the end of a line's code. Return None if it has none, or if it is invalid."""
    return parse_end(row.cells.get(files.EXPIRES_AT, ""), ZoneInfo(batch.brand.timezone))


def _create_customers(customer_ids: Collection[str]) -> dict[str, int]:
    """Return the keys of the customers by their IDs. Creates unknown customers, and locks all in order.

    So an assignment to one of them waits for the code of this import.
    """
    if not customer_ids:
        return {}
    customers = [Customer(customer_id=customer_id) for customer_id in sorted(customer_ids)]
    Customer.objects.bulk_create(customers, ignore_conflicts=True)
    locked = Customer.objects.select_for_update(no_key=True).filter(customer_id__in=customer_ids).order_by("pk")
    return dict(locked.values_list("customer_id", "pk"))


def check_consistency(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each batch whose count differs from its codes. Repairs nothing."""
    for batch in CodeBatch.objects.order_by("pk").values_list("pk", flat=True):
        row = db.fetch_one("redemptions/codes/sql/recount_batches.sql", {"batch": batch})
        if row is not None:
            yield f"batch {batch}: counts {row['made']} codes, has {row['counted']}"
