"""Reads of codes: what a text means, and the generic codes of offers."""

import itertools
import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import Q, QuerySet

from core import db
from redemptions.backends import get_code_backend
from redemptions.balances.selectors import get_balances
from redemptions.codes.contracts import FoundCode
from redemptions.codes.models import Code
from redemptions.codes.rules import MAX_LENGTH, canonicalize_code, is_digest, unused_status
from redemptions.contracts import CodeStatus
from redemptions.errors import CodeNotFound
from redemptions.stored_values import CodeBalance, StoredValue


def find_codes(*, codes: Collection[str]) -> list[FoundCode]:
    """Return the codes with these canonical forms that are not archived, of all brands, oldest first.

    Runs one query, or none without codes. ``redemptions.codes.rules`` chooses among the codes of several brands.
    """
    rows = db.fetch_all("redemptions/codes/sql/find_codes.sql", {"codes": list(codes)}) if codes else []
    return [FoundCode(**row) for row in rows]


def find_codes_by_digest(*, digest: bytes) -> list[FoundCode]:
    """Return the codes whose canonical form has this SHA-256, as ``find_codes`` does."""
    rows = db.fetch_all("redemptions/codes/sql/find_codes_by_digest.sql", {"digest": digest})
    return [FoundCode(**row) for row in rows]


def unrestricted(at: datetime) -> Q:
    """Return the condition of codes that customers can redeem, as far as the code itself decides."""
    is_current = Q(expires_at=None) | Q(expires_at__gt=at)
    return is_current & Q(archived_at=None, revoked_at=None)


def list_spellings(text: str) -> QuerySet[Code]:
    """Return the codes of all brands with this text in any spelling, also archived ones."""
    canonical = canonicalize_code(text)
    if canonical is None:
        return Code.objects.none()
    live, archived = (Q(canonical=canonical, archived_at__isnull=is_live) for is_live in (True, False))
    return Code.objects.filter(live | archived)  # each has an index of its own


def find_codes_by_name(name: str) -> list[FoundCode]:
    """Return the codes that a URL names by a text in any spelling, or by the SHA-256 of its canonical form."""
    if is_digest(name):
        return find_codes_by_digest(digest=bytes.fromhex(name))
    canonical = canonicalize_code(name)
    return find_codes(codes=[canonical]) if canonical else []


def find_code_of_brand(*, code: str, brand_id: uuid.UUID, kind: str | None = None) -> Code | None:
    """Return a brand's code with this text in any spelling: the one that is not archived, or the newest.

    With ``kind``, return only a code of this kind of offer.
    """
    codes = Code.objects.filter(canonical=canonicalize_code(code), brand_id=brand_id)
    if kind is not None:
        codes = codes.filter(kind=kind)
    return codes.filter(archived_at=None).first() or codes.filter(archived_at__isnull=False).order_by("-pk").first()


def find_code_of_offer(*, offer: uuid.UUID, text: str) -> Code | None:
    """Return the code of an offer with this text in any spelling, also an archived one."""
    return Code.objects.filter(offer=offer, canonical=canonicalize_code(text)).select_related("customer").first()


def find_archived_code(*, code: str, brand_ids: Collection[uuid.UUID], kind: str) -> Code | None:
    """Return the newest archived code of these brands and this kind of offer with this text in any spelling."""
    codes = Code.objects.filter(canonical=canonicalize_code(code), brand_id__in=brand_ids, archived_at__isnull=False)
    return codes.filter(kind=kind).order_by("-pk").first()


def suggest_text(*, text: str, brand_id: uuid.UUID) -> str:
    """Return the text with the first number from 2 that makes it a code that the brand doesn't have yet."""
    codes = Code.objects.filter(brand_id=brand_id, archived_at=None)
    texts = (f"{text[: MAX_LENGTH - len(str(number)) - 1]}-{number}" for number in itertools.count(2))
    return next(text for text in texts if not codes.filter(canonical=canonicalize_code(text)).exists())


def get_code(*, name: str, brand_id: uuid.UUID) -> Code:
    """Return the code of a brand that a URL names by its text or by its SHA-256. Raises CodeNotFound."""
    if is_digest(name):
        found = [code.id for code in find_codes_by_name(name) if code.brand_id == brand_id]
        code = Code.objects.filter(pk__in=found).first()
    else:
        code = find_code_of_brand(code=name, brand_id=brand_id)
    if code is None:
        raise CodeNotFound
    return code


def get_code_status(*, code: Code, at: datetime) -> CodeStatus:
    """Return the status of a code at a time. A code for many redemptions is available, expired or revoked.

    A code that keeps a balance is used when nothing is left.
    """
    unused = unused_status(expires_at=code.expires_at, revoked_at=code.revoked_at or code.archived_at, at=at)
    if (balance := get_code_balance(code=code, at=at)) is not None:
        return unused if balance.left else CodeStatus.USED
    if not code.single_use:
        return unused
    statuses = get_code_backend(code.kind).get_code_statuses(offer=code.offer, codes=[code.text], at=at)
    return statuses.get(code.text, unused)


def get_code_balance(*, code: Code, at: datetime) -> CodeBalance | None:
    """Return the balance of a code; None for one that keeps none."""
    return get_code_balances(kind=code.kind, offer=code.offer, codes=[code.text], at=at).get(code.text)


def get_code_balances(*, kind: str, offer: uuid.UUID, codes: Collection[str], at: datetime) -> dict[str, CodeBalance]:
    """Return the balances of codes of an offer by text; empty if its codes keep none."""
    stored_value = get_stored_value(kind=kind, offer=offer, at=at) if codes else None
    if stored_value is None:
        return {}
    values = dict.fromkeys(((offer, code) for code in codes), stored_value)
    return {code: balance for (_, code), balance in get_balances(values=values, at=at).items()}


def get_stored_value(*, kind: str, offer: uuid.UUID, at: datetime) -> StoredValue | None:
    """Return the amount of an offer whose codes keep balances; None for other offers."""
    described = get_code_backend(kind).describe_code_offers(offers=[offer], at=at).get(offer)
    return None if described is None else described.stored_value


def find_single_use_codes(*, codes: Collection[tuple[uuid.UUID, str]]) -> set[tuple[uuid.UUID, str]]:
    """Return those of the codes, given as offer and text, that can be redeemed once."""
    if not codes:
        return set()
    offers, texts = zip(*codes, strict=True)
    canonical = [canonicalize_code(text) for text in texts]  # as the index has them
    rows = Code.objects.filter(offer__in=offers, canonical__in=canonical, single_use=True).values_list("offer", "text")
    return set(rows) & set(codes)


def get_generic_codes(*, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the generic code of each offer that has one; the codes of batches are not included."""
    rows = Code.objects.filter(offer__in=offers, batch=None).values_list("offer", "text")
    return dict(rows)
