"""Email content from templates: HTML with inlined styles, and plain text."""

from collections.abc import Callable, Mapping
from typing import Any

import css_inline
from django.conf import settings
from django.template.loader import render_to_string

from mailings.contracts import NAME_HTML_TAG, NAME_TAG, PERSONAL_TAG, UNSUBSCRIBE_TAG, Content

_inliner = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)

_WHITE, _BLACK = "#ffffff", "#111827"
MIN_CONTRAST = 3.0  # of large text (WCAG 2, AA)


def build_content(
    *,
    template: str,
    subject: str,
    context: Mapping[str, Any],
    sender_name: str = "",
    color: str = "#0f766e",
    reply_to: str = "",
    marketing: bool = False,
    format_personal_text: Callable[[str], str] = str,
) -> Content:
    """Render ``<template>.html`` and ``<template>.txt`` to a content in the sender's name and color (``#rrggbb``).

    Beside their own context, templates have ``recipient`` (the name), ``personal_text`` (such as a code),
    ``unsubscribe_url`` (empty if it is not marketing), ``sender_name``, ``color``, ``on_color`` (text on that color),
    ``ink`` (the color, or near-black if it is too pale for text), ``subject`` and ``base_url``.
    """
    shared = {
        "subject": subject,
        "sender_name": sender_name or "promoplatform",
        "color": color,
        "on_color": contrast_text_color(color),
        "ink": color if _contrast(color, _WHITE) >= MIN_CONTRAST else _BLACK,
        "unsubscribe_url": UNSUBSCRIBE_TAG if marketing else "",
        "personal_text": PERSONAL_TAG,
        "base_url": settings.BASE_URL,
    }
    text = render_to_string(f"{template}.txt", {**context, **shared, "recipient": NAME_TAG})
    html = render_to_string(f"{template}.html", {**context, **shared, "recipient": NAME_HTML_TAG})
    return Content(
        subject=" ".join(subject.split()),
        text=text.strip() + "\n",
        html=_inliner.inline(html),
        from_name=sender_name,
        reply_to=reply_to,
        format_personal_text=format_personal_text,
    )


def contrast_text_color(color: str) -> str:
    """Return white or near-black, whichever has more contrast with the color."""
    return max(_WHITE, _BLACK, key=lambda ink: _contrast(color, ink))


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors, 1 to 21 (WCAG 2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    """Return the relative luminance of ``#rrggbb``, 0 to 1 (WCAG 2)."""
    parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
