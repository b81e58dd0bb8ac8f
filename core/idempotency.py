"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): a repeated request gets the first response.

The response is stored in the transaction of the request's effects, so a crash leaves both or neither. The response of a
domain error is stored, too, after its effects were rolled back to a savepoint. Responses 409 ``busy``, 429 and 5xx are
not stored.

Rights are checked again: who lost one since the first request doesn't get its response. Hot views need no roles.
"""

import functools
import hashlib
import json
import re
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import db
from core.errors import Busy, DomainError, IdempotencyInProgress, IdempotencyKeyReused, InvalidRequest, PermissionDenied
from core.fast_views import FastView
from core.models import IdempotencyKey
from core.permissions import rights_provider
from core.problems import problem_from_exception

RETENTION = timedelta(hours=48)
BATCH = 5_000
UNIQUE = "kernel_idempotencykey_pkey"
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")
Method = Callable[..., Response]


def idempotent(method: Method) -> Callable[..., HttpResponseBase]:
    """Decorate a view's POST method so that it honors the Idempotency-Key header."""

    @functools.wraps(method)
    def wrapper(view: APIView, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return method(view, request, *args, **kwargs)
        if not _KEY.fullmatch(key):
            raise InvalidRequest.field("Idempotency-Key", _("Use 1 to 255 printable ASCII characters."))
        digest = _digest(_caller_identity(request), request.path, key)
        fingerprint = hashlib.sha256(json.dumps(request.data, sort_keys=True).encode()).digest()
        rights = () if isinstance(view, FastView) or request.auth is None else rights_provider(request.auth)
        return _run_once(digest, fingerprint, rights, lambda: method(view, request, *args, **kwargs))

    wrapper.idempotent = True  # type: ignore[attr-defined]  # read by core.openapi
    return wrapper


def purge_expired() -> int:
    """Delete responses past their retention in small batches, and return their number."""
    total = 0
    while True:
        old = IdempotencyKey.objects.filter(created_at__lt=Now() - RETENTION).values("pk")[:BATCH]
        deleted = IdempotencyKey.objects.filter(pk__in=old)._raw_delete("default") or 0  # noqa: SLF001  (skips the collector; there are no signals or cascades)
        total += deleted
        if deleted < BATCH:
            return total


def _caller_identity(request: Request) -> str:
    identity = getattr(request.auth, "identity", None)
    return identity or "anonymous"


def _digest(caller: str, endpoint: str, key: str) -> bytes:
    return hashlib.sha256(f"{caller}\x00{endpoint}\x00{key}".encode()).digest()


def _run_once(
    digest: bytes, fingerprint: bytes, rights: Collection[str], effect: Callable[[], Response]
) -> HttpResponseBase:  # fmt: skip
    try:
        with transaction.atomic():
            if stored := _lock_or_get(digest):
                return _replay(stored, fingerprint, rights)
            response = _render(effect)
            if _is_cacheable(response):
                IdempotencyKey.objects.bulk_create(
                    [
                        IdempotencyKey(
                            digest=digest,
                            fingerprint=fingerprint,
                            status=response.status_code,
                            content_type=response["Content-Type"],
                            body=response.content,
                            rights=sorted(rights),
                        )
                    ]
                )
            return response
    except IntegrityError as error:  # the first request committed between the lock and the query
        if db.violated_constraint(error) != UNIQUE:
            raise
        raise IdempotencyInProgress from error


def _lock_or_get(digest: bytes) -> IdempotencyKey | None:
    """Return the stored response, or lock the key until the transaction ends and return None.

    Raises IdempotencyInProgress.
    """
    with connection.cursor() as cursor:
        lock = int.from_bytes(digest[:8], "big", signed=True)
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock])
        if not cursor.fetchone()[0]:
            raise IdempotencyInProgress
    return IdempotencyKey.objects.filter(pk=digest).first()


def _replay(stored: IdempotencyKey, fingerprint: bytes, rights: Collection[str]) -> HttpResponse:
    if not set(stored.rights) <= set(rights):
        raise PermissionDenied(_("Your role has changed since the first request with this Idempotency-Key."))
    if bytes(stored.fingerprint) != fingerprint:
        raise IdempotencyKeyReused
    response = HttpResponse(bytes(stored.body), status=stored.status, content_type=stored.content_type)
    response["Idempotency-Replayed"] = "true"
    return response


def _render(effect: Callable[[], Response]) -> HttpResponse:
    """Run the effect and return its rendered response; roll back the effects of a domain error."""
    try:
        with transaction.atomic():
            response = effect()
    except (DomainError, APIException) as error:
        problem = problem_from_exception(error)
        return HttpResponse(
            problem.body(), status=problem.status, content_type="application/problem+json", headers=problem.headers
        )
    headers = {"ETag": response["ETag"]} if "ETag" in response else {}
    return HttpResponse(
        JSONRenderer().render(response.data),
        status=response.status_code,
        content_type="application/json",
        headers=headers,
    )


def _is_cacheable(response: HttpResponse) -> bool:
    if response.status_code == 409:
        return json.loads(response.content).get("code") not in {Busy.code, IdempotencyInProgress.code}
    return response.status_code != 429 and response.status_code < 500
