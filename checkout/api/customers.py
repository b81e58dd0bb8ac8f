"""API view of customers, as a brand's server describes them."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import CHECKOUT, READ, get_caller
from accounts.models import Brand, CustomerProfile
from accounts.models.profiles import NAME_LENGTH, WORDING_LENGTH
from accounts.selectors import check_customer_id, get_brand_for_caller, get_profile
from accounts.services import ConsentRecord, ProfileFields, save_profile
from checkout.api.attributes import AttributesField, find_attribute_errors
from core.errors import PermissionDenied
from core.etags import VersionedObject, versioned
from core.serializer_fields import (
    AwareDateTimeField,
    EmailField,
    LanguageField,
    StrictBooleanField,
    StrictCharField,
    validate,
)
from core.serializers import InputSerializer
from core.views import APIView, KeyScopes
from promotions.selectors.attributes import get_attribute_types


class ConsentInputSerializer(InputSerializer):
    """A customer's consent to marketing emails, or its withdrawal."""

    granted = StrictBooleanField(help_text=_("Whether the customer consents; false withdraws an earlier consent."))
    wording = StrictCharField(
        max_length=WORDING_LENGTH, required=False,
        help_text=_("The text that the customer read. Required for a consent."),
    )  # fmt: skip
    at = AwareDateTimeField(help_text=_("When the customer decided. The latest decision counts."))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["granted"] and not attrs.get("wording"):
            detail = str(_("Enter the text that the customer read."))
            raise ValidationError({"wording": [ErrorDetail(detail, "required")]})
        return attrs


class CustomerProfileInputSerializer(InputSerializer):
    """A customer. What is left out is emptied, except for the consent."""

    name = StrictCharField(
        max_length=NAME_LENGTH, required=False, allow_blank=True, help_text=_("Name for the salutation of emails.")
    )
    email = EmailField(
        max_length=254, required=False, allow_blank=True,
        help_text=_("Email address. The verified address of the customer's own account takes precedence."),
    )  # fmt: skip
    language = LanguageField(
        required=False, allow_blank=True, help_text=_("Language of emails. Empty for that of the brand.")
    )
    attributes = AttributesField(
        required=False,
        help_text=_("Attributes of the customer that the brand declares. Those in a cart take precedence."),
    )
    consent = ConsentInputSerializer(required=False, help_text=_("A decision about marketing emails to record."))


class ConsentSerializer(serializers.Serializer[Any]):
    """A recorded decision about marketing emails."""

    granted = serializers.BooleanField(help_text=_("Whether the customer consented."))
    wording = serializers.CharField(help_text=_("The text that the customer read. Empty for a withdrawal without one."))
    at = serializers.DateTimeField(source="decided_at", help_text=_("When the customer decided."))
    recorded_at = serializers.DateTimeField(help_text=_("When the decision was recorded."))


class CustomerSerializer(serializers.Serializer[CustomerProfile]):
    """A customer as the brand's server described them."""

    customer_id = serializers.CharField(source="customer.customer_id", help_text=_("ID of the customer."))
    name = serializers.CharField(help_text=_("Name for the salutation of emails."))
    email = serializers.CharField(help_text=_("Email address. Empty if there is none."))
    language = serializers.CharField(help_text=_("Language of emails. Empty for that of the brand."))
    attributes = serializers.DictField(help_text=_("Attributes of the customer that the brand declares."))
    marketing_consent = serializers.BooleanField(help_text=_("Whether the latest recorded decision is a consent."))
    consents = serializers.SerializerMethodField(help_text=_("Recorded decisions, latest first."))
    updated_at = serializers.DateTimeField(help_text=_("When the customer was last described."))

    def get_consents(self, profile: CustomerProfile) -> list[dict[str, Any]]:
        """Return the recorded decisions."""
        consents = sorted(profile.consents.all(), key=lambda consent: consent.decided_at, reverse=True)
        return [dict(ConsentSerializer(consent).data) for consent in consents]


class CustomerView(APIView):
    """``/api/v1/customers/<id>/``"""

    key_scopes: ClassVar[KeyScopes] = {"get": READ | CHECKOUT, "put": CHECKOUT}
    versioned_object = VersionedObject(
        lambda request, customer_id: get_profile(brand=_get_brand(request), customer_id=customer_id),
        lambda _, profile: CustomerSerializer(profile).data,
    )

    @extend_schema(responses=CustomerSerializer, operation_id="customers_get")
    @versioned
    def get(self, request: Request, customer_id: str) -> Response:
        """Return a customer as your server described them."""
        return Response(CustomerSerializer(get_profile(brand=_get_brand(request), customer_id=customer_id)).data)

    @extend_schema(
        request=CustomerProfileInputSerializer, responses={200: CustomerSerializer, 201: CustomerSerializer},
        operation_id="customers_put",
    )  # fmt: skip
    @versioned
    def put(self, request: Request, customer_id: str) -> Response:
        """Describe a customer: create it, or replace what your server told before."""
        brand = _get_brand(request)
        data = validate(CustomerProfileInputSerializer, request.data)
        check_customer_id(customer_id)
        if errors := find_attribute_errors(
            data.get("attributes", {}), "attributes", {brand.slug: get_attribute_types(brand.pk)}
        ):
            raise ValidationError(errors)
        consent = data.pop("consent", None)
        record = ConsentRecord(consent["granted"], consent.get("wording", ""), consent["at"]) if consent else None
        profile, created = save_profile(
            brand=brand, customer_id=customer_id, fields=ProfileFields(**data, consent=record),
            api_key_id=get_caller(request.auth).api_key_id, at=timezone.now(),
        )  # fmt: skip
        return Response(CustomerSerializer(profile).data, status=201 if created else 200)


def _get_brand(request: Request) -> Brand:
    """Return the brand whose server calls. Raises PermissionDenied for anyone else."""
    caller = get_caller(request.auth)
    if caller.brand_id is None:
        raise PermissionDenied
    return get_brand_for_caller(caller=caller)
