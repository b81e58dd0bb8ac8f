"""Further identities of a customer in requests of servers."""

from collections.abc import Mapping
from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from core.errors import PermissionDenied
from core.serializer_fields import StrictCharField
from core.serializers import InputSerializer
from redemptions.identities import NO_IDENTITIES, Identities

TOKEN_LENGTH = 255
IDENTITIES_HELP = _("Who the customer also is (API keys only). Limits per customer count each of them, too.")


class DigestField(StrictCharField):
    """A SHA-256 digest in hexadecimal digits, in lower case."""

    def __init__(self, **kwargs: Any) -> None:
        is_digest = RegexValidator(r"^[0-9a-fA-F]{64}\Z", _("Enter 64 hexadecimal digits."), code="invalid")
        super().__init__(validators=[is_digest], **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).lower()


class TokenField(StrictCharField):
    """A name that the shop has for something of the customer, in printable ASCII."""

    def __init__(self, **kwargs: Any) -> None:
        is_printable = RegexValidator(r"^[ -~]*\Z", _("Use printable ASCII characters only."), code="invalid")
        super().__init__(max_length=TOKEN_LENGTH, validators=[is_printable], **kwargs)


class IdentitiesInputSerializer(InputSerializer):
    """Further identities of the customer."""

    email_sha256 = DigestField(
        required=False,
        help_text=_("SHA-256 of the email address in lower case, without surrounding space, in hexadecimal digits."),
    )
    phone_sha256 = DigestField(
        required=False,
        help_text=_("SHA-256 of the phone number in the form +34600000000, in hexadecimal digits."),
    )
    device = TokenField(required=False, help_text=_("Your identifier of the customer's device."))
    payment = TokenField(required=False, help_text=_("Your identifier of the means of payment, never its number."))


def to_identities(values: Mapping[str, Any], *, is_server: bool) -> Identities:
    """Return the identities of a validated request. Raises PermissionDenied for those that a shopper sends."""
    sent = values.get("identities")
    if not sent:
        return NO_IDENTITIES
    if not is_server:
        raise PermissionDenied
    return Identities(sent)
