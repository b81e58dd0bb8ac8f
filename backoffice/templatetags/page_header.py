"""The header of the admin's pages: where the page is in the sidebar, and what it shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.db.models import Model
from django.template import RequestContext

register = template.Library()


@dataclass(frozen=True, slots=True)
class PageHeader:
    """The title of a page, the group and the page of the sidebar that it belongs to, and the link to the latter."""

    title: str
    group: str = ""
    parent: str = ""
    parent_url: str = ""


@register.simple_tag(takes_context=True)
def page_header(context: RequestContext) -> PageHeader:
    """Return the header of the page.

    A page of the sidebar has the title that it has there. Other pages are titled by their object or their own title.
    """
    title = _page_title(context)
    for group, item in _active_items(context.get("sidebar_navigation") or []):
        name = str(item["title"])
        group_name = "" if group == name else group
        if item["link"] == context["request"].path:
            return PageHeader(title=name, group=group_name)
        url = add_preserved_filters(context, item["link"])
        return PageHeader(title=title, group=group_name, parent=name, parent_url=url)
    return PageHeader(title=title)


def _page_title(context: RequestContext) -> str:
    original = context.get("original")
    return str(original if isinstance(original, Model) else context.get("title") or "")


def _active_items(groups: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in groups:
        for item in group["items"]:
            if item.get("active"):
                yield str(group.get("title") or ""), item
