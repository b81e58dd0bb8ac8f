"""Attributes in the forms of the cart simulator: texts such as ``tier: gold``, converted by their declared types."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from core.message_languages import translate
from pricing.attributes import MAX_TEXT, describe_type, has_type, parse_attribute


def parse_attributes(form: forms.Form, name: str, types: Mapping[str, str], separator: str = "\n") -> dict[str, Any]:
    """Return the attributes in a field of a form. Errors go to the field."""
    attributes: dict[str, Any] = {}
    for part in filter(None, map(str.strip, form.cleaned_data.get(name, "").split(separator))):
        attribute, colon, text = (piece.strip() for piece in part.partition(":"))
        if not colon or not text or len(text) > MAX_TEXT:
            form.add_error(name, _("Enter a name, a colon and a value. Example: customer_tier: gold"))
        elif attribute not in types:
            form.add_error(name, _("The brand has no attribute %(name)s.") % {"name": attribute})
        elif not has_type(value := parse_attribute(text, types[attribute]), types[attribute]):
            form.add_error(name, translate(describe_type(attribute, types[attribute])))
        else:
            attributes[attribute] = value
    return attributes
