"""Attributes in carts: their format, and whether the brands of the cart declare them."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from checkout.contracts import QuoteRequest
from core.errors import CONTROL_CHARACTERS, UNKNOWN_FIELD
from core.message_languages import translate
from core.texts import has_control_characters
from pricing.attributes import MAX_TEXT, NAME_PATTERN, describe_type, has_type
from pricing.fields import is_storable
from promotions.selectors.attributes import get_attribute_types_of_brands

MAX_ATTRIBUTES = 50
VALUE_SCHEMA = {
    "oneOf": [{"type": "string", "minLength": 1, "maxLength": MAX_TEXT}, {"type": "number"}, {"type": "boolean"}]
}

Errors = dict[str, list[ErrorDetail]]
Types = Mapping[str, Mapping[str, str]]


@extend_schema_field(
    {
        "type": "object",
        "maxProperties": MAX_ATTRIBUTES,
        "additionalProperties": VALUE_SCHEMA,
    }
)
class AttributesField(serializers.Field[Any, Any, Any, Any]):
    """Attributes by name. A value is a text, a number, true or false; a date is text."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("Expected an object."), code="invalid")
        if len(data) > MAX_ATTRIBUTES:
            detail = ngettext(
                "Provide at most %(count)s attribute.", "Provide at most %(count)s attributes.", MAX_ATTRIBUTES
            )
            raise serializers.ValidationError(detail % {"count": MAX_ATTRIBUTES}, code="max_length")
        errors = {
            name: [ErrorDetail(str(UNKNOWN_FIELD), code="unknown_field")]
            for name in data
            if not re.fullmatch(NAME_PATTERN, name)
        }
        for name, value in data.items():
            if name not in errors and (error := _find_value_error(value)):
                errors[name] = [error]
        if errors:
            raise serializers.ValidationError(errors)
        return data


def _find_value_error(value: object) -> ErrorDetail | None:
    if isinstance(value, str) and has_control_characters(value):
        return ErrorDetail(str(CONTROL_CHARACTERS), code="control_characters")
    is_text = isinstance(value, str) and 0 < len(value) <= MAX_TEXT and is_storable(value)
    if is_text or has_type(value, "number") or has_type(value, "boolean"):
        return None
    return ErrorDetail(gettext("Enter a text, a number, true or false."), code="invalid")


def check_attributes(request: QuoteRequest) -> None:
    """Check that the brands of a cart declare its attributes, with the types of the values.

    An attribute of a line is one of the line's brand, any other one of a brand of the cart. Raises ValidationError. No
    query runs for a cart without attributes.
    """
    cart = request.cart
    if not cart.attributes and not cart.customer_attributes and not any(line.attributes for line in cart.lines):
        return
    brands = {line.brand for line in cart.lines if line.brand} | ({request.shop} if request.shop else set())
    types = get_attribute_types_of_brands(brands)
    errors = find_attribute_errors(cart.attributes, "attributes", types)
    errors |= find_attribute_errors(cart.customer_attributes, "customer.attributes", types)
    for index, line in enumerate(cart.lines):
        own = {line.brand: types[line.brand]} if line.brand else types
        errors |= find_attribute_errors(line.attributes, f"lines.{index}.attributes", own)
    if errors:
        raise serializers.ValidationError(errors)


def find_attribute_errors(attributes: Mapping[str, Any], path: str, types: Types) -> Errors:
    """Return the errors of attributes that no brand declares, or whose values have another type, by path."""
    errors: Errors = {}
    for name, value in attributes.items():
        declared = [own[name] for own in types.values() if name in own]
        if not declared:
            errors[f"{path}.{name}"] = [ErrorDetail(str(UNKNOWN_FIELD), code="unknown_field")]
        elif not any(has_type(value, type_name) for type_name in declared):
            errors[f"{path}.{name}"] = [ErrorDetail(translate(describe_type(name, declared[0])), code="invalid")]
    return errors
