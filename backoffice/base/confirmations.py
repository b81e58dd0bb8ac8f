"""Pages that say what an action will do before it is done."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An action to confirm: facts about its object, what it will do, the label of its button, and where to go back.

    ``summary`` describes the object in a sentence, ``warnings`` are what may be unintended, and ``links`` pages to look
    at before. Without a ``label``, the action isn't possible. ``fields`` are posted with the form, as name and value.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    effect: str
    label: str | Promise
    back: str
    summary: str = ""
    warnings: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = ()
    fields: Sequence[tuple[str, str]] = ()


def render_confirmation(request: HttpRequest, confirmation: Confirmation) -> HttpResponse:
    """Show the page of an action; its form posts to the same URL."""
    context = admin.site.each_context(request) | asdict(confirmation)
    return TemplateResponse(request, "admin/backoffice/confirmation.html", context)
