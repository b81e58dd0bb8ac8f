"""API views of campaigns and vouchers."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import Caller, get_caller
from accounts.models import Brand
from accounts.selectors import get_brand_for_caller, readable_brand_ids
from core.errors import NotFound, PermissionDenied, TokenInvalid
from core.etags import VersionedObject, versioned
from core.fast_views import Answer, Call, FastView
from core.idempotency import idempotent
from core.list_queries import created_condition, paginate, validate_query
from core.metadata import pick_metadata
from core.openapi import problem_responses
from core.serializer_fields import localize
from core.views import APIView, KeyScopes
from redemptions.api.lifecycle import VOLATILE
from redemptions.api.limits import PeriodLimitsSerializer, serialize_staff_fields, to_limit_fields
from redemptions.api.lists import OfferQuerySerializer, filter_offers
from redemptions.lifecycle import Action
from redemptions.statuses import OfferDecision, OfferStatus
from vouchers import selectors, services
from vouchers.api.serializers import (
    DEFAULT_QUOTA,
    CampaignDuplicateInputSerializer,
    CampaignInputSerializer,
    CampaignSerializer,
    CampaignUpdateSerializer,
    ClaimSerializer,
    VoucherQuerySerializer,
    VoucherSerializer,
    serialize_campaign,
    serialize_voucher,
)
from vouchers.contracts import Result
from vouchers.errors import CampaignNotOpen, SlugTaken
from vouchers.models import Campaign

MODEL_FIELDS = (
    "name", "slug", "description", "start_date", "end_date", "offer", "voucher_type", "voucher_valid_days",
    "reassign_unused",
)  # fmt: skip


class CampaignsView(APIView):
    """``/api/v1/campaigns/``"""

    @extend_schema(
        request=CampaignInputSerializer,
        responses={201: CampaignSerializer, **problem_responses(SlugTaken)},
        operation_id="campaign_create",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a campaign of your brand."""
        body = CampaignInputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=data.get("brand"), edit=True)
        fields = _to_model_fields(data, brand)
        campaign = services.create(
            brand=brand, quota=data.get("quota", DEFAULT_QUOTA), fields=fields, at=timezone.now()
        )
        return Response(_serialize_own(campaign), status=201)

    @extend_schema(
        parameters=[OfferQuerySerializer],
        responses={200: CampaignSerializer(many=True)},
        operation_id="campaign_list",
    )
    def get(self, request: Request) -> Response:
        """List the campaigns of your brands, newest first."""
        caller, query = get_caller(request.auth), validate_query(OfferQuerySerializer, request)
        pagination = paginate(query)
        campaigns = selectors.list_campaigns(brand_ids=readable_brand_ids(caller))
        campaigns = filter_offers(campaigns, query, caller=caller, at=timezone.now())
        page = pagination.paginate_queryset(campaigns, request, view=self) or []
        fields = serialize_staff_fields(page, names=PeriodLimitsSerializer)
        return pagination.get_paginated_response(
            [serialize_campaign(campaign, own=True, at=timezone.now()) | fields[campaign.pk] for campaign in page]
        )


class CampaignView(APIView):
    """``/api/v1/campaigns/<slug>/``"""

    is_for_browsers = True

    versioned_object = VersionedObject(
        lambda request, slug: _get_readable_campaign(request, slug),  # noqa: PLW0108  (defined below)
        lambda _, row: _serialize_own(row),
        VOLATILE,
    )

    @extend_schema(responses={200: CampaignSerializer}, operation_id="campaign_read")
    @versioned
    def get(self, request: Request, slug: str) -> Response:
        """Return a campaign. Staff of its brand also see the offer and the number of logins."""
        caller = get_caller(request.auth)
        brand_ids = readable_brand_ids(caller)
        if brand_ids == [] and caller.shopper is not None:
            public = selectors.get_public_campaign(slug=slug, brand_id=caller.issuer_brand_id)
            return Response(serialize_campaign(public, own=False, at=timezone.now()))
        return _own_campaign_response(selectors.get_campaign(slug=slug, brand_ids=brand_ids))

    @extend_schema(
        request=CampaignUpdateSerializer, responses={200: CampaignSerializer}, operation_id="campaign_extend"
    )
    @versioned
    def patch(self, request: Request, slug: str) -> Response:
        """Change a draft, or raise the quota of a campaign or move its end. The waiting list gets new vouchers first.

        The start can change until it has passed.
        """
        body = CampaignUpdateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        campaign, data = _get_editable_campaign(request, slug), body.validated_data
        fields = _to_model_fields(data, campaign.brand)
        changed = services.change(campaign=campaign, fields=fields, quota=data.get("quota"), at=timezone.now())
        return _own_campaign_response(changed)

    @extend_schema(responses={204: None}, operation_id="campaign_delete")
    @versioned
    def delete(self, request: Request, slug: str) -> Response:
        """Delete a draft, or archive a campaign, which ends it for good. Issued vouchers stay valid."""
        services.delete(campaign=_get_editable_campaign(request, slug), at=timezone.now())
        return Response(status=204)


class DuplicateView(APIView):
    """``/api/v1/campaigns/<slug>/duplicate/``"""

    versioned_object = CampaignView.versioned_object

    @extend_schema(
        request=CampaignDuplicateInputSerializer,
        responses={201: CampaignSerializer, **problem_responses(SlugTaken)},
        operation_id="campaign_duplicate",
    )
    @idempotent
    @versioned
    def post(self, request: Request, slug: str) -> Response:
        """Create a draft with the terms of a campaign, and another slug."""
        body = CampaignDuplicateInputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        campaign, new_slug = _get_editable_campaign(request, slug), body.validated_data.get("slug")
        duplicate = services.duplicate(campaign=campaign, slug=new_slug, at=timezone.now())
        return Response(_serialize_own(duplicate), status=201)


def apply_action(request: Request, slug: str, action: Action) -> dict[str, Any]:
    """Change the status of a campaign that the caller may change, and return the campaign."""
    campaign = _get_editable_campaign(request, slug)
    return _serialize_own(services.change_decision(campaign=campaign, action=action, at=timezone.now()))


def _to_model_fields(data: Mapping[str, Any], brand: Brand) -> dict[str, Any]:
    """Return the validated data as model fields. Dates are days in the brand's time zone."""
    fields = {name: data[name] for name in MODEL_FIELDS if name in data}
    fields |= {name: localize(data[name], brand.timezone) for name in ("start_date", "end_date") if name in data}
    if data.get("status") == OfferStatus.DRAFT:
        fields["decision"] = OfferDecision.DRAFT
    return fields | pick_metadata(data) | to_limit_fields(data, currency=brand.currency, names=PeriodLimitsSerializer)


class FirstLoginView(FastView):
    """``/api/v1/campaigns/<slug>/first-login/``"""

    key_scopes: ClassVar[KeyScopes] = {}
    is_for_browsers = True

    @extend_schema(
        request=None, operation_id="campaign_first_login",
        responses={201: ClaimSerializer, 200: ClaimSerializer, **problem_responses(CampaignNotOpen)},
    )  # fmt: skip
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Record the first login of the shopper in a campaign. Answers 201 if the shopper gets a voucher.

        A repeated request answers 200 with the same voucher.
        """
        return self.answer(request, slug=slug)

    @staticmethod
    def serve(call: Call, slug: str) -> Answer:
        """Return the voucher with status 201, or a result without a new voucher with status 200."""
        caller = get_caller(call.auth)
        shopper = caller.shopper
        if shopper is None:
            raise PermissionDenied(_("Only customers can take part in campaigns."))
        claim = services.claim(campaign=slug, customer_key=shopper.key, at=call.at, brand_id=caller.issuer_brand_id)
        if claim.result is Result.INACTIVE_USER:
            raise TokenInvalid
        if claim.result is Result.NOT_OPEN:
            raise CampaignNotOpen
        voucher = None if claim.voucher is None else serialize_voucher(claim.voucher, user=shopper.user_id)
        if claim.result is Result.GRANTED and claim.voucher is not None:
            return {"result": claim.result, "rank": claim.voucher.rank, "voucher": voucher}, 201
        data = {"voucher": voucher} if claim.result is Result.ALREADY_CLAIMED else {}
        return {"result": claim.result} | data, 200


class VouchersView(APIView):
    """``/api/v1/vouchers/``"""

    key_scopes: ClassVar[KeyScopes] = {}
    is_for_browsers = True

    @extend_schema(
        parameters=[VoucherQuerySerializer],
        responses={200: VoucherSerializer(many=True)},
        operation_id="voucher_list",
    )
    def get(self, request: Request) -> Response:
        """List the shopper's vouchers, newest first."""
        query, at = validate_query(VoucherQuerySerializer, request), timezone.now()
        caller = get_caller(request.auth)
        shopper = caller.shopper
        if shopper is None:
            raise PermissionDenied(_("Only customers have vouchers."))
        pagination, equal = paginate(query), {name: query[name] for name in ("brand", "campaign") if name in query}
        listed = selectors.list_vouchers(shopper=shopper, at=at, status=query.get("status", ""), **equal)
        if caller.issuer_brand_id is not None:
            listed = listed.filter(campaign__brand=caller.issuer_brand_id)
        listed = listed.filter(created_condition(query, field="created_at", find_zone=lambda: "UTC"))
        page = pagination.paginate_queryset(listed, request, view=self) or []
        vouchers = [selectors.build_voucher_view(voucher, at=at) for voucher in page]
        return pagination.get_paginated_response(
            [serialize_voucher(voucher, user=shopper.user_id) for voucher in vouchers]
        )


def _own_campaign_response(campaign: Campaign) -> Response:
    return Response(_serialize_own(campaign))


def _serialize_own(campaign: Campaign) -> dict[str, Any]:
    """Return a campaign with the fields for its brand."""
    logins = selectors.count_logins(campaign=campaign)
    data = serialize_campaign(campaign, own=True, logins=logins, at=timezone.now())
    return data | serialize_staff_fields([campaign], names=PeriodLimitsSerializer)[campaign.pk]


def _get_editable_campaign(request: Request, slug: str) -> Campaign:
    """Return a campaign that the caller can change. Raises NotFound, and PermissionDenied for viewers."""
    campaign = _get_readable_campaign(request, slug)
    get_brand_for_caller(caller=get_caller(request.auth), slug=campaign.brand.slug, edit=True)
    return campaign


def _get_readable_campaign(request: Request, slug: str) -> Campaign:
    """Return a campaign of the caller's brands. Raises NotFound."""
    return selectors.get_campaign(slug=slug, brand_ids=_staff_brand_ids(get_caller(request.auth)))


def _staff_brand_ids(caller: Caller) -> list[uuid.UUID] | None:
    brand_ids = readable_brand_ids(caller)
    if brand_ids == []:
        raise NotFound
    return brand_ids
