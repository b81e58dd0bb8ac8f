"""API views of campaigns and vouchers."""

import uuid
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import Caller, get_caller
from accounts.selectors import get_brand_for_caller, readable_brand_ids
from core.api import CursorPagination
from core.errors import NotFound, PermissionDenied, TokenInvalid
from core.hot import Answer, Call, HotView
from core.idempotency import idempotent
from core.openapi import problem_responses
from core.serializer_fields import localize
from core.views import APIView
from vouchers import selectors, services
from vouchers.api.serializers import (
    CampaignInputSerializer,
    CampaignSerializer,
    CampaignUpdateSerializer,
    ClaimSerializer,
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
        fields = {name: data[name] for name in MODEL_FIELDS if name in data}
        fields |= {name: localize(data[name], brand.timezone) for name in ("start_date", "end_date")}
        campaign = services.create(brand=brand, quota=data["quota"], fields=fields, at=timezone.now())
        return Response(serialize_campaign(campaign, own=True, logins=0), status=201)

    @extend_schema(responses={200: CampaignSerializer(many=True)}, operation_id="campaign_list")
    def get(self, request: Request) -> Response:
        """List the campaigns of your brands, newest first."""
        pagination = CursorPagination()
        campaigns = selectors.list_campaigns(brand_ids=readable_brand_ids(get_caller(request.auth)))
        page = pagination.paginate_queryset(campaigns, request, view=self) or []
        return pagination.get_paginated_response([serialize_campaign(campaign, own=True) for campaign in page])


class CampaignView(APIView):
    """``/api/v1/campaigns/<slug>/``"""

    @extend_schema(responses={200: CampaignSerializer}, operation_id="campaign_read")
    def get(self, request: Request, slug: str) -> Response:
        """Return a campaign. Staff of its brand also see the offer and the number of logins."""
        caller = get_caller(request.auth)
        brand_ids = readable_brand_ids(caller)
        if brand_ids == [] and caller.shopper is not None:
            return Response(serialize_campaign(selectors.get_public_campaign(slug=slug), own=False))
        return _own_campaign_response(selectors.get_campaign(slug=slug, brand_ids=brand_ids))

    @extend_schema(
        request=CampaignUpdateSerializer, responses={200: CampaignSerializer}, operation_id="campaign_extend"
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Raise the quota of a campaign or move its end. The waiting list gets the new vouchers first."""
        body = CampaignUpdateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        campaign, changes = _get_editable_campaign(request, slug), dict(body.validated_data)
        if "end_date" in changes:
            changes["end_date"] = localize(changes["end_date"], campaign.brand.timezone)
        return _own_campaign_response(services.extend(campaign=campaign, at=timezone.now(), **changes))


class CloseView(APIView):
    """``/api/v1/campaigns/<slug>/close/``"""

    @extend_schema(request=None, responses={200: CampaignSerializer}, operation_id="campaign_close")
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """End a campaign for good. Issued vouchers stay valid."""
        return _own_campaign_response(services.close(campaign=_get_editable_campaign(request, slug)))


class FirstLoginView(HotView):
    """``/api/v1/campaigns/<slug>/first-login/``"""

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
        shopper = get_caller(call.auth).shopper
        if shopper is None:
            raise PermissionDenied(_("Only customers can take part in campaigns."))
        claim = services.claim(campaign=slug, customer_key=shopper.key, at=call.at)
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

    @extend_schema(responses={200: VoucherSerializer(many=True)}, operation_id="voucher_list")
    def get(self, request: Request) -> Response:
        """List the shopper's vouchers, newest first."""
        shopper, at = get_caller(request.auth).shopper, timezone.now()
        if shopper is None:
            raise PermissionDenied(_("Only customers have vouchers."))
        pagination = CursorPagination()
        page = pagination.paginate_queryset(selectors.list_vouchers(shopper=shopper), request, view=self) or []
        vouchers = [selectors.build_voucher_view(voucher, at=at) for voucher in page]
        return pagination.get_paginated_response(
            [serialize_voucher(voucher, user=shopper.user_id) for voucher in vouchers]
        )


def _own_campaign_response(campaign: Campaign) -> Response:
    logins = selectors.count_logins(campaign=campaign)
    return Response(serialize_campaign(campaign, own=True, logins=logins))


def _get_editable_campaign(request: Request, slug: str) -> Campaign:
    """Return a campaign that the caller can change. Raises NotFound, and PermissionDenied for viewers."""
    caller = get_caller(request.auth)
    campaign = selectors.get_campaign(slug=slug, brand_ids=_staff_brand_ids(caller))
    get_brand_for_caller(caller=caller, slug=campaign.brand.slug, edit=True)
    return campaign


def _staff_brand_ids(caller: Caller) -> list[uuid.UUID] | None:
    brand_ids = readable_brand_ids(caller)
    if brand_ids == []:
        raise NotFound
    return brand_ids
