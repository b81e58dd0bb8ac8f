"""Builds contents from templates: HTML with its styles inlined, and its twin in plain text."""

from collections.abc import Mapping
from typing import Any

import css_inline
from django.conf import settings
from django.template.loader import render_to_string

from promoplatform.kernel.mail.contracts import NAME_HTML_TAG, NAME_TAG, UNSUBSCRIBE_TAG, Content

_inliner = css_inline.CSSInliner(keep_style_tags=False, load_remote_stylesheets=False)


def content(
    *, template: str, subject: str, context: Mapping[str, Any], sender_name: str = "", colour: str = "#0f766e", reply_to: str = "",
    marketing: bool = False,
) -> Content:
    """The content that ``<template>.html`` and ``<template>.txt`` make, in the sender's name and colour (``#rrggbb``).

    Templates have ``recipient`` (the name of whoever gets it), ``unsubscribe_url`` (empty where none is offered), ``sender_name``,
    ``colour``, ``on_colour`` (readable on it), ``subject`` and ``base_url`` beside their own context.
    """
    shared = {
        "subject": subject, "sender_name": sender_name or "promoplatform", "colour": colour, "on_colour": readable_on(colour),
        "unsubscribe_url": UNSUBSCRIBE_TAG if marketing else "", "base_url": settings.BASE_URL,
    }
    text = render_to_string(f"{template}.txt", {**context, **shared, "recipient": NAME_TAG})
    html = render_to_string(f"{template}.html", {**context, **shared, "recipient": NAME_HTML_TAG})
    return Content(
        subject=" ".join(subject.split()), text=text.strip() + "\n", html=_inliner.inline(html), from_name=sender_name, reply_to=reply_to
    )


def readable_on(colour: str) -> str:
    """White or near-black, whichever contrasts more with the colour (relative luminance, WCAG 2)."""
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.0565 else "#111827"
