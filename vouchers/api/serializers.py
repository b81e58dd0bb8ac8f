"""Serializers of campaigns and vouchers."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.list_queries import CreatedQuerySerializer, ordering_field
from core.message_languages import translate
from core.metadata_serializers import MetadataInputSerializer
from core.serializer_fields import (
    EndField,
    SecretField,
    SlugField,
    StartField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
)
from core.serializers import InputSerializer
from redemptions.api.limits import (
    LIMITS_HELP,
    LIMITS_UPDATE_HELP,
    AmountLimitsUpdateSerializer,
    OfferLimitsSerializer,
    PeriodLimitsSerializer,
)
from redemptions.api.offer_fields import OfferField
from redemptions.statuses import OfferStatus
from vouchers.contracts import Result, VoucherView
from vouchers.models import MAX_QUOTA, MAX_VALID_DAYS, Campaign

DEFAULT_QUOTA = 100
QUOTA: dict[str, Any] = {"min_value": 1, "max_value": MAX_QUOTA, "help_text": _("Number of vouchers. Defaults to 100.")}
RESULTS = [Result.GRANTED, Result.ALREADY_CLAIMED, Result.FULL, Result.NOT_OPEN]
VOUCHER_STATUSES = ["available", "reserved", "used", "expired"]
OFFER_HELP = _("Offer of the vouchers, in the offer language.")
TYPE_HELP = _("Transaction type that the vouchers are valid for.")
DISCOUNT_HELP = _("Percentage, if the offer is only a percentage.")
START_HELP, END_HELP = _("When the campaign starts."), _("When the campaign ends.")
START_INPUT_HELP = _("When the campaign starts. A date in the brand's time zone counts from its first instant.")
END_INPUT_HELP = _("When the campaign ends (exclusive). A date in the brand's time zone is included.")
REASSIGN_HELP = _("Reassign revoked and expired vouchers to the waiting list.")


class CampaignFieldsSerializer(AmountLimitsUpdateSerializer):
    """The fields of a campaign that a brand sets."""

    name = StrictCharField(max_length=100, help_text=_("Name that customers see."))
    slug = SlugField(max_length=64, help_text=_("Identifies the campaign in the API. Can't be changed later."))
    description = StrictCharField(
        max_length=200, required=False, allow_blank=True,
        help_text=_("Shown on the voucher. Defaults to the discount."),
    )  # fmt: skip
    start_date = StartField(help_text=START_INPUT_HELP)
    end_date = EndField(help_text=END_INPUT_HELP)
    quota = StrictIntegerField(required=False, **QUOTA)
    offer = OfferField(
        required=False, help_text=_("Offer of the vouchers, in the offer language. Defaults to 30% off the order.")
    )
    voucher_type = StrictCharField(max_length=50, required=False, help_text=TYPE_HELP)
    voucher_valid_days = StrictIntegerField(
        required=False, min_value=1, max_value=MAX_VALID_DAYS, help_text=_("Validity in days after issue.")
    )
    reassign_unused = StrictBooleanField(required=False, help_text=REASSIGN_HELP)
    limits = PeriodLimitsSerializer(required=False, allow_null=True, help_text=LIMITS_UPDATE_HELP)


class CampaignInputSerializer(MetadataInputSerializer, CampaignFieldsSerializer):
    """A new campaign."""

    brand = SlugField(required=False, help_text=_("Required if you belong to several brands."))
    status = serializers.ChoiceField(
        ["draft", "scheduled"], default="scheduled", help_text=_("Whether to save a draft or to publish.")
    )


class CampaignUpdateSerializer(CampaignFieldsSerializer):
    """Changes of a campaign. After a draft is published, only the quota, the dates and the limits can change."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, partial=True, **kwargs)


class CampaignDuplicateInputSerializer(InputSerializer):
    """The duplicate of a campaign."""

    slug = SlugField(
        max_length=64,
        required=False,
        help_text=_("Slug of the duplicate. Defaults to that of the campaign with a number."),
    )


class CampaignSerializer(OfferLimitsSerializer):
    """A campaign. Only staff of its brand see the optional fields."""

    id = serializers.UUIDField(help_text=_("ID of the campaign."))
    slug = serializers.SlugField(help_text=_("Identifies the campaign in the API."))
    brand = serializers.SlugField(help_text=_("Slug of the brand."))
    name = serializers.CharField(help_text=_("Name that customers see."))
    description = serializers.CharField(help_text=_("Shown on the voucher."))
    start_date = serializers.DateTimeField(help_text=START_HELP)
    end_date = serializers.DateTimeField(help_text=END_HELP)
    status = serializers.ChoiceField(OfferStatus.choices, help_text=_("Status of the campaign at this time."))
    discount = serializers.FloatField(allow_null=True, help_text=DISCOUNT_HELP)
    voucher_type = serializers.CharField(help_text=TYPE_HELP)
    voucher_valid_days = serializers.IntegerField(help_text=_("Validity in days after issue."))
    quota = serializers.IntegerField(help_text=_("Number of vouchers."))
    issued = serializers.IntegerField(help_text=_("Number of issued vouchers."))
    logins = serializers.IntegerField(required=False, help_text=_("Number of customers who signed in."))
    offer = OfferField(required=False, help_text=OFFER_HELP)
    reassign_unused = serializers.BooleanField(required=False, help_text=REASSIGN_HELP)
    created_at = serializers.DateTimeField(required=False, help_text=_("When the campaign was created."))
    limits = PeriodLimitsSerializer(required=False, help_text=LIMITS_HELP)


class VoucherSerializer(serializers.Serializer[Any]):
    """A voucher of a customer."""

    id = serializers.UUIDField(help_text=_("ID of the voucher."))
    user = serializers.UUIDField(allow_null=True, help_text=_("ID of the customer's user."))
    campaign = serializers.SlugField(help_text=_("Slug of the campaign."))
    rank = serializers.IntegerField(min_value=1, help_text=_("Position among the vouchers of the campaign."))
    discount = serializers.FloatField(allow_null=True, help_text=DISCOUNT_HELP)
    description = serializers.CharField(help_text=_("Text of the voucher."))
    voucher_type = serializers.CharField(help_text=_("Transaction type that the voucher is valid for."))
    created_date = serializers.DateTimeField(help_text=_("When the voucher was issued."))
    expire_date = serializers.DateTimeField(help_text=_("When the voucher expires."))
    status = serializers.ChoiceField(VOUCHER_STATUSES, help_text=_("Status of the voucher."))


class VoucherQuerySerializer(CreatedQuerySerializer):
    """Which vouchers to list. All conditions that are sent must hold."""

    status = serializers.ChoiceField(VOUCHER_STATUSES, required=False, help_text=_("Status of the vouchers now."))
    brand = SlugField(required=False, help_text=_("Slug of the brand."))
    campaign = SlugField(max_length=64, required=False, help_text=_("Slug of the campaign."))
    ordering = ordering_field("created_at")


class ClaimSerializer(serializers.Serializer[Any]):
    """The result of a first login."""

    result = serializers.ChoiceField(
        [Result.GRANTED, Result.ALREADY_CLAIMED, Result.FULL], help_text=_("Result of the first login.")
    )
    rank = serializers.IntegerField(
        min_value=1, required=False, help_text=_("Position among the vouchers of the campaign.")
    )
    voucher = VoucherSerializer(allow_null=True, required=False)


class CampaignLoginInputSerializer(InputSerializer):
    """A sign-in, for one campaign or for every active one."""

    account = StrictCharField(max_length=254, help_text=_("Email, phone number or username."))
    password = SecretField(
        max_length=1024, trim_whitespace=False, write_only=True, help_text=_("Password of the account.")
    )
    campaign = StrictCharField(
        max_length=64, required=False, help_text=_("Slug of a campaign. Defaults to all active campaigns.")
    )


class CampaignResultSerializer(serializers.Serializer[Any]):
    """The result of a first login in one campaign."""

    slug = serializers.CharField(help_text=_("Slug of the campaign."))
    result = serializers.ChoiceField(RESULTS, help_text=_("Result of the first login."))


class CampaignLoginSerializer(serializers.Serializer[Any]):
    """The result of a sign-in, whether or not a voucher was issued."""

    status = serializers.BooleanField(help_text=_("True if the sign-in succeeded."))
    errorCode = serializers.CharField(  # noqa: N815  (the contract's name)
        allow_blank=True, help_text=_("Code of the error, or an empty string.")
    )
    errorMessage = serializers.CharField(  # noqa: N815
        allow_blank=True, help_text=_("Message of the error, or an empty string.")
    )
    access = serializers.CharField(required=False, help_text=_("Access token."))
    vouchers = VoucherSerializer(many=True, required=False)
    campaigns = CampaignResultSerializer(many=True, required=False)


def serialize_campaign(campaign: Campaign, *, own: bool, at: datetime, logins: int | None = None) -> dict[str, Any]:
    """Return a campaign for ``CampaignSerializer``; ``own`` adds the fields for staff of its brand."""
    data = {
        "id": campaign.pk, "slug": campaign.slug, "brand": campaign.brand.slug, "name": campaign.name,
        "description": campaign.description, "start_date": campaign.start_date, "end_date": campaign.end_date,
        "status": campaign.status_at(at), "discount": _to_number(campaign.discount),
        "voucher_type": campaign.voucher_type, "voucher_valid_days": campaign.voucher_valid_days,
        "quota": campaign.counter.quota, "issued": campaign.counter.issued,
    }  # fmt: skip
    if own:
        data |= {
            "offer": campaign.offer, "reassign_unused": campaign.reassign_unused, "created_at": campaign.created_at,
        }  # fmt: skip
    return data if logins is None else data | {"logins": logins}


def serialize_voucher(voucher: VoucherView, *, user: uuid.UUID | None) -> dict[str, Any]:
    """Return a voucher for ``VoucherSerializer``."""
    return {
        "id": voucher.id, "user": user, "campaign": voucher.campaign, "rank": voucher.rank,
        "discount": _to_number(voucher.discount), "description": translate(voucher.description),
        "voucher_type": voucher.voucher_type, "created_date": voucher.created_at, "expire_date": voucher.expires_at,
        "status": voucher.status,
    }  # fmt: skip


def _to_number(percentage: Decimal | None) -> float | int | None:
    """Return a percentage as a JSON number, for example 30 or 12.5."""
    if percentage is None:
        return None
    return int(percentage) if percentage == int(percentage) else float(percentage)
