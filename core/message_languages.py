"""The language of the API's messages: what the caller prefers of the platform's languages, else the brand's.

Codes of errors, members and values are the same in every language.
"""

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header
from rest_framework.request import Request

from core.languages import find_language
from core.messages import Message

HEADER = "HTTP_ACCEPT_LANGUAGE"
MAX_HEADER_LENGTH = 500


@lru_cache(maxsize=1024)
def choose_language(header: str) -> str | None:
    """Return the language that an Accept-Language header prefers among the platform's, or None if it names none."""
    for tag, _priority in parse_accept_lang_header(header[:MAX_HEADER_LENGTH]):
        if language := find_language(tag):
            return language
    return None


def activate_default(request: Request, language: str) -> None:
    """Activate the language of the caller's brand, unless the request prefers another of the platform's languages."""
    if language and choose_language(request.META.get(HEADER, "")) is None:
        translation.activate(language)


def translate(text: str) -> str:
    """Return a message of a module without Django in the active language, and any other text as it is."""
    return translation.gettext(text.template) % text.values if isinstance(text, Message) else text


def add_headers(response: HttpResponse) -> HttpResponse:
    """Add the active language to a response. That of a repeated answer is the one that it had first."""
    if "Idempotency-Replayed" not in response:
        response["Content-Language"] = translation.get_language() or settings.LANGUAGE_CODE
    patch_vary_headers(response, ["Accept-Language"])
    return response


class LanguageMiddleware:
    """Answer requests to the API in the caller's language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        with translation.override(choose_language(request.META.get(HEADER, "")) or settings.LANGUAGE_CODE):
            return add_headers(self.get_response(request))
