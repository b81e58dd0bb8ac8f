"""The view of the OpenAPI document, which is generated once: it takes seconds of processor time."""

import threading
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

from core.costly_views import CostlyMethods, CostlyView

_generating = threading.Lock()


class DocumentView(CostlyView, SpectacularAPIView):
    """``/api/schema/``. Each process keeps the document per language and format."""

    costly: ClassVar[CostlyMethods] = {"get": "document"}

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer: Any = request.accepted_renderer
        language = translation.get_language()
        if language not in dict(settings.LANGUAGES):
            language = settings.LANGUAGE_CODE
        renderer_class: Any = type(renderer)
        with _generating:  # others wait for the first one, in place of generating it as well
            document = _render(language, renderer_class)
        name = self._get_filename(request, None)  # type: ignore[no-untyped-call]
        headers = {"Content-Disposition": f'inline; filename="{name}"', "Vary": "Accept, Accept-Language"}
        return HttpResponse(document, content_type=renderer.media_type, headers=headers)


@cache
def _render(language: str, renderer_class: Any) -> bytes:
    """Return the document, which depends on nothing else of a request."""
    with translation.override(language):
        document = DocumentView.generator_class().get_schema(public=True)  # type: ignore[no-untyped-call]
        return bytes(renderer_class().render(document, renderer_context={}))
