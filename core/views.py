"""Base class of the API's views: a request may contain only what the OpenAPI document describes."""

import re
from collections.abc import Mapping, Set
from typing import Any, ClassVar

from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request, is_form_media_type

from core import message_languages, throttle
from core.costly_views import CostlyView
from core.errors import InvalidRequest
from core.openapi import describe_request

KeyScopes = Mapping[str, Set[str]]
"""Scopes of API keys by method, such as ``post``."""

# Parameters that browsers, advertisers and mail programs add to any link.
TRACKING_PARAMETER = re.compile(
    r"utm_\w+|_ga|_gl|gclid|gclsrc|gbraid|wbraid|gad_\w+|dclid|srsltid|fbclid|igshid|msclkid|ttclid|twclid|yclid"
    r"|li_fat_id|mc_[ce]id|_hs(enc|mi)|mkt_tok"
)


class ContentNegotiation(DefaultContentNegotiation):
    """Choice of the renderer by the ``Accept`` header alone: ``?format=`` is a query parameter like any other."""

    def filter_renderers(self, renderers: Any, format: str) -> Any:  # noqa: A002  (the framework's name)
        """Return all renderers, whatever the parameter says."""
        return renderers


class APIView(CostlyView):
    """A view whose query parameters and body are strict.

    Parameters that the operation doesn't declare, repeated parameters, and members in the body of an operation without
    one are refused. The members of a declared body are checked by its serializer, an ``InputSerializer``.

    ``key_scopes`` are the scopes by method, one of which an API key needs; a method that isn't listed is for people.
    """

    content_negotiation_class = ContentNegotiation
    key_scopes: ClassVar[KeyScopes] = {"get": frozenset({"read"})} | dict.fromkeys(
        ("post", "put", "patch", "delete"), frozenset({"manage"})
    )
    is_for_browsers: ClassVar[bool] = False
    """Whether the pages of brands may call the view with a shopper's token (``accounts.api.cors``)."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, authorize and throttle the request, then check it."""
        super().initial(request, *args, **kwargs)
        if language := getattr(request.auth, "language", None):
            message_languages.activate_default(request, language)
        method = "get" if request.method == "HEAD" else (request.method or "").lower()
        if method == "options" or not hasattr(self, method):
            return
        if method not in ("get", "head") and "If-Match" in request.headers:
            check_condition(getattr(self, method))
        described = describe_request(type(self), method)
        check_query(request.query_params, described.query)
        if not described.has_body:
            check_empty(_read_body(request))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the response with the headers of the request's limit."""
        response = super().finalize_response(request, response, *args, **kwargs)
        scope, quota = getattr(request, "rate_scope", throttle.scope_of(self)), getattr(request, "rate_quota", None)
        throttle.add_headers(response, scope, quota)
        return response


def _read_body(request: Request) -> Any:
    """Return the body of an operation that has none: HTML forms without fields are empty, too."""
    if is_form_media_type(request.content_type or ""):
        form = request._request  # noqa: SLF001  (the framework would refuse the media type)
        return {**form.POST, **form.FILES}
    return request.data


def check_query(query: QueryDict, known: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InvalidRequest for parameters that are unknown or repeated, or not one of the listed choices.

    ``known`` are the schemas of the parameters by name.
    """
    sent = {name: values for name, values in query.lists() if not TRACKING_PARAMETER.fullmatch(name)}
    errors = InvalidRequest.unknown_fields(name for name in sent if not _is_known(name, known)).errors or []
    for name, values in sent.items():
        choices = [str(choice) for choice in known.get(name, {}).get("enum", ())]
        if len(values) > 1:
            errors.append({"field": name, "code": "duplicate_field", "detail": _("Send this parameter once.")})
        elif choices and values[0] not in choices:
            detail = _("Choose one of: %(choices)s.") % {"choices": ", ".join(choices)}
            errors.append({"field": name, "code": "invalid_choice", "detail": detail})
    if errors:
        raise InvalidRequest(errors=errors)


def _is_known(name: str, known: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether a parameter is known: an object is sent by its members, such as ``metadata[channel]``."""
    parameter, bracket, _member = name.partition("[")
    is_object = known.get(parameter, {}).get("type") == "object"
    return parameter in known and is_object is (bool(bracket) and name.endswith("]"))


def check_condition(handler: Any) -> None:
    """Raise InvalidRequest for If-Match where the object has no ETag to match."""
    if not getattr(handler, "versioned", False):
        detail = _("This endpoint doesn't answer an ETag, so it can't check one.")
        raise InvalidRequest.field("If-Match", detail, "unknown_field")


def check_empty(body: Any) -> None:
    """Raise InvalidRequest for a body with members, of an operation that has none."""
    if body and not isinstance(body, Mapping):
        raise InvalidRequest.field("body", _("Send no body, or an empty object."))
    if body:
        raise InvalidRequest.unknown_fields(body)
