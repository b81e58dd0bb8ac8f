"""Entity tags of objects that can be changed, and the conditions If-Match and If-None-Match (RFC 9110).

A tag has two parts: the version of what callers can change, and a digest of the members that follow from the use of the
object or from time, such as results. If-None-Match compares both, so an answer that is not sent again is the same.
If-Match compares the version only, so a redemption between reading and changing an offer doesn't matter.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.db import models, transaction
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import InvalidRequest, PreconditionFailed

IF_MATCH, IF_NONE_MATCH = "If-Match", "If-None-Match"
SAFE_METHODS = ("GET", "HEAD")
ANY = ["*"]
Method = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class VersionedObject:
    """How the object of a URL is read: ``find(request, *names)`` returns its row, ``serialize(request, row)`` what is
    answered.

    ``volatile`` are the members that callers don't change.
    """

    find: Callable[..., models.Model]
    serialize: Callable[[Request, Any], Mapping[str, Any]]
    volatile: frozenset[str] = frozenset()


def versioned(method: Method) -> Method:
    """Decorate a method of a view of one object, so that its answer has an ETag and conditions are honored.

    The view's ``versioned_object`` says how the object is read. A change with If-Match locks its row first, so that
    nothing changes between the comparison and the change.
    """

    @functools.wraps(method)
    def wrapper(view: Any, request: Request, *args: Any, **names: Any) -> Response:
        found = cast("VersionedObject", view.versioned_object)
        wanted = read_condition(request, IF_MATCH)
        if request.method in SAFE_METHODS:
            response = _add_tag(method(view, request, *args, **names), found)
            _check_version(wanted, response.get("ETag", ""))
            return _answer_unless_known(response, read_condition(request, IF_NONE_MATCH))
        if wanted is None:
            return _add_tag(method(view, request, *args, **names), found)
        with transaction.atomic():
            row = found.find(request, *args, *names.values())
            lock_row(row)
            current = found.serialize(request, found.find(request, *args, *names.values()))
            _check_version(wanted, make_tag(current, found.volatile))
            return _add_tag(method(view, request, *args, **names), found)

    wrapper.versioned = True  # type: ignore[attr-defined]  # read by core.openapi and core.views
    return wrapper


def lock_row(row: models.Model) -> None:
    """Lock a row until the transaction ends."""
    type(row)._default_manager.select_for_update(of=("self",)).get(pk=row.pk)  # noqa: SLF001


def make_tag(document: Mapping[str, Any], volatile: frozenset[str]) -> str:
    """Return the entity tag of an object's document."""
    parts = [
        {name: value for name, value in document.items() if (name in volatile) is is_volatile}
        for is_volatile in (False, True)
    ]
    version, rest = (
        hashlib.sha256(json.dumps(part, sort_keys=True, default=str).encode()).hexdigest() for part in parts
    )
    return f'"{version[:24]}.{rest[:16]}"'


def read_condition(request: Request, header: str) -> list[str] | None:
    """Return the entity tags of a condition, ``["*"]`` for any, or None without one. Raises InvalidRequest."""
    text = request.headers.get(header)
    if text is None:
        return None
    tags = parse_etags(text)
    if not tags or len(tags) != (1 if tags == ANY else text.count(",") + 1):
        raise InvalidRequest.field(header, _("Send the ETag of an answer, in double quotes."))
    return tags


def _check_version(wanted: list[str] | None, tag: str) -> None:
    """Raise PreconditionFailed if none of the wanted tags has the version of this tag."""
    if wanted is not None and wanted != ANY and _version(tag) not in map(_version, wanted):
        raise PreconditionFailed


def _version(tag: str) -> str:
    """Return the version of a strong tag. That of a weak one is not found, as RFC 9110 wants it for If-Match."""
    return tag.strip('"').partition(".")[0]


def _add_tag(response: Response, found: VersionedObject) -> Response:
    if response.status_code in (200, 201) and isinstance(response.data, Mapping):
        response["ETag"] = make_tag(response.data, found.volatile)
    return response


def _answer_unless_known(response: Response, known: list[str] | None) -> Response:
    tag = response.get("ETag")
    if known is None or tag is None or (known != ANY and tag not in [one.removeprefix("W/") for one in known]):
        return response
    return Response(status=304, headers={"ETag": tag})
