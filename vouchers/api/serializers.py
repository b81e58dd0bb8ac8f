"""Shapes of campaigns and vouchers on the wire."""

import uuid
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from core.serializer_fields import (
    AwareDateTimeField,
    ObjectField,
    SlugField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
)
from vouchers.contracts import Result, VoucherView
from vouchers.models import MAX_QUOTA, MAX_VALID_DAYS, Campaign, CampaignState

QUOTA: dict[str, Any] = {"min_value": 1, "max_value": MAX_QUOTA}
RESULTS = [Result.GRANTED, Result.ALREADY_CLAIMED, Result.FULL, Result.NOT_OPEN]


class CampaignRequest(serializers.Serializer[Any]):
    """A new campaign."""

    name = StrictCharField(max_length=100)
    slug = SlugField(max_length=64)
    brand = SlugField(required=False, help_text="When the caller is staff of several brands")
    description = StrictCharField(max_length=200, required=False, allow_blank=True)
    starts_at = AwareDateTimeField()
    ends_at = AwareDateTimeField()
    quota = StrictIntegerField(default=100, **QUOTA)
    offer = ObjectField(required=False, help_text="In the offer language; 30 per cent of the order, when absent")
    voucher_type = StrictCharField(max_length=50, required=False)
    voucher_valid_days = StrictIntegerField(required=False, min_value=1, max_value=MAX_VALID_DAYS)
    pass_on = StrictBooleanField(
        required=False, help_text="A voucher that is revoked, or expires unused, goes to the next in line"
    )


class CampaignChange(serializers.Serializer[Any]):
    """What may change of a campaign: more vouchers, or a later end."""

    quota = StrictIntegerField(required=False, **QUOTA)
    ends_at = AwareDateTimeField(required=False)


class CampaignAnswer(serializers.Serializer[Any]):
    """A campaign. Its brand's people also read what its vouchers give, and how many signed in."""

    id = serializers.UUIDField()
    slug = serializers.SlugField()
    brand = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    state = serializers.ChoiceField(CampaignState.values)
    discount = serializers.FloatField(allow_null=True, help_text="Per cent, where that is all its vouchers give")
    voucher_type = serializers.CharField()
    voucher_valid_days = serializers.IntegerField()
    quota = serializers.IntegerField()
    issued = serializers.IntegerField()
    logins = serializers.IntegerField(required=False)
    offer = ObjectField(required=False, help_text="In the offer language")
    pass_on = serializers.BooleanField(required=False)
    created_at = serializers.DateTimeField(required=False)


class VoucherAnswer(serializers.Serializer[Any]):
    """A voucher."""

    id = serializers.UUIDField()
    user = serializers.UUIDField(allow_null=True)
    campaign = serializers.SlugField()
    rank = serializers.IntegerField(min_value=1)
    discount = serializers.FloatField(allow_null=True, help_text="Per cent, where that is all it gives")
    description = serializers.CharField()
    voucher_type = serializers.CharField()
    created_date = serializers.DateTimeField()
    expire_date = serializers.DateTimeField()
    state = serializers.ChoiceField(["available", "reserved", "used", "expired"])


class ClaimAnswer(serializers.Serializer[Any]):
    """What a campaign has for whoever signs in."""

    result = serializers.ChoiceField([Result.GRANTED, Result.ALREADY_CLAIMED, Result.FULL])
    rank = serializers.IntegerField(min_value=1, required=False)
    voucher = VoucherAnswer(allow_null=True, required=False)


class LoginRequest(serializers.Serializer[Any]):
    """A sign-in, for one campaign or for all that are open."""

    account = StrictCharField(max_length=254, help_text="E-mail address, phone number or username")
    password = StrictCharField(max_length=1024, trim_whitespace=False, write_only=True)
    campaign = StrictCharField(
        max_length=64, required=False, help_text="A campaign's slug; every open one, when absent"
    )


class CampaignResult(serializers.Serializer[Any]):
    """What one campaign had for whoever signed in."""

    slug = serializers.CharField()
    result = serializers.ChoiceField(RESULTS)


class LoginAnswer(serializers.Serializer[Any]):
    """Whether the sign-in was good, whatever the campaigns had left."""

    status = serializers.BooleanField()
    errorCode = serializers.CharField(allow_blank=True)  # noqa: N815  (the contract's name)
    errorMessage = serializers.CharField(allow_blank=True)  # noqa: N815
    access = serializers.CharField(required=False)
    vouchers = VoucherAnswer(many=True, required=False)
    campaigns = CampaignResult(many=True, required=False)


def campaign_answer(campaign: Campaign, *, own: bool, logins: int | None = None) -> dict[str, Any]:
    """A campaign as ``CampaignAnswer`` describes it; ``own``: to its brand's people."""
    answer = {
        "id": campaign.pk, "slug": campaign.slug, "brand": campaign.brand.slug, "name": campaign.name,
        "description": campaign.description, "starts_at": campaign.start_date, "ends_at": campaign.end_date,
        "state": campaign.status, "discount": _number(campaign.discount), "voucher_type": campaign.voucher_type,
        "voucher_valid_days": campaign.voucher_valid_days, "quota": campaign.counter.quota,
        "issued": campaign.counter.issued,
    }  # fmt: skip
    if own:
        answer |= {"offer": campaign.offer, "pass_on": campaign.reassign_unused, "created_at": campaign.created_at}
    return answer if logins is None else answer | {"logins": logins}


def voucher_answer(voucher: VoucherView, *, user: uuid.UUID | None) -> dict[str, Any]:
    """A voucher as ``VoucherAnswer`` describes it."""
    return {
        "id": voucher.id, "user": user, "campaign": voucher.campaign, "rank": voucher.rank,
        "discount": _number(voucher.discount), "description": voucher.description,
        "voucher_type": voucher.voucher_type, "created_date": voucher.created_at, "expire_date": voucher.expires_at,
        "state": voucher.state,
    }  # fmt: skip


def _number(percent: Decimal | None) -> float | int | None:
    """A percentage as a JSON number: 30, 12.5."""
    if percent is None:
        return None
    return int(percent) if percent == int(percent) else float(percent)
