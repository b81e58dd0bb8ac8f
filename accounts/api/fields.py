"""Fields of serializers for what accounts define."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.contracts import CUSTOMER_ID_LENGTH, is_customer_id
from core.serializer_fields import StrictCharField


class CustomerIdField(StrictCharField):
    """A customer ID of the data platform."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not is_customer_id(text):
            message = _("Enter a customer ID of 1 to %(max)s printable characters.") % {"max": CUSTOMER_ID_LENGTH}
            raise serializers.ValidationError(message, code="invalid")
        return text
