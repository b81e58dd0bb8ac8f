"""Serializers of the events API."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from core import db, money
from core.serializer_fields import PageSizeField, SlugField, StrictCharField
from redemptions.events.contracts import EventType

MAX_EVENTS = 200
OBJECTS = sorted({name.partition(".")[0] for name in EventType})


class EventTypesField(StrictCharField):
    """Event types, separated by commas; ``redemption.*`` means all types of an object."""

    def to_internal_value(self, data: Any) -> Any:
        names = [name.strip() for name in super().to_internal_value(data).split(",")]
        known = {*map(str, EventType), *(f"{name}.*" for name in OBJECTS)}
        if unknown := [name for name in names if name not in known]:
            detail = _("Unknown event type: %(name)s.") % {"name": unknown[0]}
            raise serializers.ValidationError(detail, code="invalid")
        return tuple(names)


class EventQuerySerializer(serializers.Serializer[Any]):
    """Query of events. All filters that are sent must match."""

    after = StrictCharField(
        required=False, max_length=200, help_text=gettext_lazy("Cursor of the last answer. Omit it to start over.")
    )
    limit = PageSizeField(
        required=False, default=50, min_value=1, max_value=MAX_EVENTS, help_text=gettext_lazy("Events in an answer.")
    )
    brand = SlugField(required=False, help_text=gettext_lazy("Slug of the brand, if you belong to several brands."))
    type = EventTypesField(
        required=False, max_length=500, help_text=gettext_lazy("Types, for example `redemption.*,voucher.granted`.")
    )
    kind = StrictCharField(required=False, max_length=20, help_text=gettext_lazy("Kind of offer."))
    offer = serializers.UUIDField(required=False, help_text=gettext_lazy("ID of the offer."))
    customer_id = StrictCharField(required=False, max_length=100, help_text=gettext_lazy("ID of the customer."))
    order = StrictCharField(required=False, max_length=100, help_text=gettext_lazy("Order reference of the shop."))
    code = StrictCharField(required=False, max_length=200, help_text=gettext_lazy("Text of the code, in any spelling."))


class EventOfferSerializer(serializers.Serializer[Any]):
    """The offer that an event is about."""

    id = serializers.UUIDField(help_text=gettext_lazy("ID of the offer."))
    name = serializers.CharField(allow_null=True, help_text=gettext_lazy("Name of the offer now."))


class EventSerializer(serializers.Serializer[Any]):
    """Something that happened to an offer, a code or a redemption. Members without a value are absent."""

    id = serializers.UUIDField(help_text=gettext_lazy("ID of the event."))
    type = serializers.ChoiceField(
        choices=[str(name) for name in EventType], help_text=gettext_lazy("Object, and what happened to it.")
    )
    created_at = serializers.DateTimeField(help_text=gettext_lazy("When it happened."))
    brand = serializers.SlugField(help_text=gettext_lazy("Slug of the brand."))
    kind = serializers.CharField(required=False, help_text=gettext_lazy("Kind of offer."))
    offer = EventOfferSerializer(required=False, help_text=gettext_lazy("The offer."))
    code = serializers.CharField(required=False, help_text=gettext_lazy("Text of the code."))
    customer_id = serializers.CharField(required=False, help_text=gettext_lazy("ID of the customer."))
    order = serializers.CharField(required=False, help_text=gettext_lazy("Order reference of the shop."))
    redemption = serializers.UUIDField(required=False, help_text=gettext_lazy("ID of the redemption."))
    amount = serializers.CharField(required=False, help_text=gettext_lazy("Discount of the redemption."))
    subtotal = serializers.CharField(required=False, help_text=gettext_lazy("What the discount was taken from."))
    currency = serializers.CharField(required=False, help_text=gettext_lazy("Currency of the amounts."))
    reason = serializers.DictField(required=False, help_text=gettext_lazy("Why an attempt was refused."))
    data = serializers.DictField(help_text=gettext_lazy("Further facts."))  # type: ignore[assignment]


class EventPageSerializer(serializers.Serializer[Any]):
    """Events in commit order. A page with fewer events than the limit isn't necessarily the last one."""

    next = serializers.URLField(help_text=gettext_lazy("URL of the events after these; ask it again for new ones."))
    previous = serializers.URLField(allow_null=True, help_text=gettext_lazy("Always null."))
    cursor = serializers.CharField(help_text=gettext_lazy("Cursor after these events, for `after`."))
    results = EventSerializer(many=True)


def serialize_event(row: db.Row, names: Mapping[uuid.UUID, str]) -> dict[str, Any]:
    """Return an event in the form of ``EventSerializer``; ``names`` are those of the offers."""
    offer = row["offer_id"]
    optional = {
        "kind": row["kind"],
        "offer": {"id": offer, "name": names.get(offer)} if offer is not None else None,
        "code": row["code"],
        "customer_id": row["customer"],
        "order": row["order"],
        "redemption": row["redemption_id"],
        "amount": _format_amount(row["amount"], row["currency"]),
        "subtotal": _format_amount(row["subtotal"], row["currency"]),
        "currency": row["currency"],
        "reason": row["reason"],
    }
    return {
        "id": row["id"],
        "type": row["type"],
        "created_at": row["created_at"],
        "brand": row["brand"],
        **{name: value for name, value in optional.items() if value is not None and value != ""},
        "data": row["data"],
    }


def _format_amount(minor_units: int | None, currency: str) -> str | None:
    return money.format_decimal(minor_units, currency) if minor_units is not None and currency else None
