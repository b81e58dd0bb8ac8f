"""Serializers of the search of redemptions."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core import money
from core.serializer_fields import EndField, PageSizeField, SlugField, StartField, StrictCharField
from redemptions.search.contracts import FoundUse, UseAction, UseStatus

MAX_USES = 200


class UseQuerySerializer(serializers.Serializer[Any]):
    """Query of redemptions and refused attempts. All filters that are sent must match."""

    cursor = StrictCharField(required=False, max_length=200, help_text=_("Cursor of the next page."))
    limit = PageSizeField(
        required=False, default=50, min_value=1, max_value=MAX_USES, help_text=_("Redemptions in an answer.")
    )
    brand = SlugField(required=False, help_text=_("Slug of the brand, if you belong to several brands."))
    kind = serializers.ChoiceField(
        required=False, choices=sorted(settings.REDEMPTION_BACKENDS), help_text=_("Kind of offer.")
    )
    offer = serializers.UUIDField(required=False, help_text=_("ID of the offer."))
    customer_id = StrictCharField(required=False, max_length=100, help_text=_("ID of the customer."))
    code = StrictCharField(required=False, max_length=200, help_text=_("Text of the code, in any spelling."))
    order = StrictCharField(required=False, max_length=100, help_text=_("Beginning of your reference of the order."))
    status = serializers.ChoiceField(
        required=False, choices=[str(status) for status in UseStatus], help_text=_("What happened last.")
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add ``from`` and ``to``, whose names can't be attributes in Python."""
        start = StartField(required=False, help_text=_("Only what happened last from this time on."))
        end = EndField(required=False, help_text=_("Only what happened last before this time. A date is included."))
        return super().get_fields() | {"from": start, "to": end}


class UseOfferSerializer(serializers.Serializer[Any]):
    """The offer of a use."""

    id = serializers.UUIDField(help_text=_("ID of the offer."))
    name = serializers.CharField(help_text=_("Name of the offer now. Empty if it was deleted."))


class UseEventSerializer(serializers.Serializer[Any]):
    """Something that happened to a use."""

    type = serializers.CharField(help_text=_("Type of the event."))
    created_at = serializers.DateTimeField(help_text=_("When it happened."))
    amount = serializers.CharField(allow_null=True, help_text=_("Discount, or what came back of it."))


class UseSerializer(serializers.Serializer[Any]):
    """A use of an offer, or a refused attempt. Members without a value are absent."""

    status = serializers.ChoiceField(choices=[str(status) for status in UseStatus], help_text=_("What happened last."))
    created_at = serializers.DateTimeField(help_text=_("When it happened last."))
    brand = serializers.SlugField(help_text=_("Slug of the brand."))
    kind = serializers.CharField(help_text=_("Kind of offer."))
    offer = UseOfferSerializer(required=False, help_text=_("The offer."))
    code = serializers.CharField(required=False, help_text=_("Text of the code."))
    customer_id = serializers.CharField(required=False, help_text=_("ID of the customer."))
    order = serializers.CharField(required=False, help_text=_("Your reference of the order."))
    redemption = serializers.UUIDField(
        required=False, help_text=_("ID of the redemption of the order, or of the use without an order.")
    )
    amount = serializers.CharField(required=False, help_text=_("Discount."))
    subtotal = serializers.CharField(
        required=False, help_text=_("Undiscounted total of what the order has of the brand.")
    )
    currency = serializers.CharField(required=False, help_text=_("Currency of the amounts."))
    reason = serializers.DictField(required=False, help_text=_("Why an attempt was refused."))
    count = serializers.IntegerField(required=False, help_text=_("Number of attempts that are counted together."))
    actions = serializers.ListField(
        child=serializers.ChoiceField(choices=[str(action) for action in UseAction]),
        help_text=_("What can be done now."),
    )
    events = UseEventSerializer(many=True, help_text=_("What happened, oldest first."))


class UsePageSerializer(serializers.Serializer[Any]):
    """A page of uses and attempts, newest first. A page with fewer than the limit isn't necessarily the last one."""

    next = serializers.URLField(allow_null=True, help_text=_("URL of the next page."))
    previous = serializers.URLField(allow_null=True, help_text=_("Always null."))
    results = UseSerializer(many=True)


def serialize_use(use: FoundUse) -> dict[str, Any]:
    """Return a use in the form of ``UseSerializer``."""
    optional = {
        "offer": None if use.offer is None else {"id": use.offer, "name": use.offer_name},
        "code": use.code,
        "customer_id": use.customer_id,
        "order": use.order,
        "redemption": use.redemption,
        "amount": _format_amount(use.amount, use.currency),
        "subtotal": _format_amount(use.subtotal, use.currency),
        "currency": use.currency,
        "reason": use.reason,
        "count": use.count if use.status is UseStatus.REJECTED else None,
    }
    return {
        "status": use.status,
        "created_at": use.at,
        "brand": use.brand,
        "kind": use.kind,
        **{name: value for name, value in optional.items() if value is not None and value != ""},
        "actions": list(use.actions),
        "events": [
            {"type": event.type, "created_at": event.at, "amount": _format_amount(event.amount, use.currency)}
            for event in use.events
        ],
    }


def _format_amount(minor_units: int | None, currency: str) -> str | None:
    return money.format_decimal(minor_units, currency) if minor_units is not None and currency else None
