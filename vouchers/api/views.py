"""Campaigns and vouchers over HTTP: parse, call one service, answer."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Caller, get_caller
from accounts.selectors import get_brand_for_caller, readable_brand_ids
from core.api import CursorPagination
from core.errors import NotFound, PermissionDenied, TokenInvalid
from core.hot import Answer, Call, HotView
from core.idempotency import idempotent
from core.openapi import problem_responses
from vouchers import selectors, services
from vouchers.api.serializers import (
    CampaignAnswer,
    CampaignChange,
    CampaignRequest,
    ClaimAnswer,
    VoucherAnswer,
    campaign_answer,
    voucher_answer,
)
from vouchers.contracts import Result
from vouchers.errors import CampaignNotOpen, SlugTaken
from vouchers.models import Campaign

FIELDS = (
    "name", "slug", "description", "starts_at", "ends_at", "offer", "voucher_type", "voucher_valid_days", "pass_on",
)  # fmt: skip


class CampaignsView(APIView):
    """``/api/v1/campaigns/``"""

    @extend_schema(
        request=CampaignRequest,
        responses={201: CampaignAnswer, **problem_responses(SlugTaken)},
        operation_id="campaign_create",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a campaign of the caller's brand."""
        body = CampaignRequest(data=request.data)
        body.is_valid(raise_exception=True)
        asked: dict[str, Any] = body.validated_data
        campaign = services.create(
            brand=get_brand_for_caller(caller=get_caller(request.auth), slug=asked.get("brand"), edit=True),
            quota=asked["quota"],
            fields={name: asked[name] for name in FIELDS if name in asked},
            at=timezone.now(),
        )
        return Response(campaign_answer(campaign, own=True, logins=0), status=201)

    @extend_schema(responses={200: CampaignAnswer(many=True)}, operation_id="campaign_list")
    def get(self, request: Request) -> Response:
        """The brand's campaigns, newest first."""
        page = CursorPagination()
        found = selectors.campaigns(brand_ids=readable_brand_ids(get_caller(request.auth)))
        rows = page.paginate_queryset(found, request, view=self) or []
        return page.get_paginated_response([campaign_answer(row, own=True) for row in rows])


class CampaignView(APIView):
    """``/api/v1/campaigns/<slug>/``"""

    @extend_schema(responses={200: CampaignAnswer}, operation_id="campaign_read")
    def get(self, request: Request, slug: str) -> Response:
        """A campaign: its brand's people also read what its vouchers give and how many signed in."""
        caller = get_caller(request.auth)
        brand_ids = readable_brand_ids(caller)
        if brand_ids == [] and caller.shopper is not None:
            return Response(campaign_answer(selectors.announced(slug=slug), own=False))
        campaign = selectors.campaign(slug=slug, brand_ids=brand_ids)
        return Response(campaign_answer(campaign, own=True, logins=selectors.logins(campaign=campaign)))

    @extend_schema(request=CampaignChange, responses={200: CampaignAnswer}, operation_id="campaign_extend")
    def patch(self, request: Request, slug: str) -> Response:
        """Give more vouchers, or give them for longer. Who came too late for the old quota is served first."""
        body = CampaignChange(data=request.data)
        body.is_valid(raise_exception=True)
        campaign = services.extend(campaign=_own(request, slug), at=timezone.now(), **body.validated_data)
        return Response(campaign_answer(campaign, own=True, logins=selectors.logins(campaign=campaign)))


class CloseView(APIView):
    """``/api/v1/campaigns/<slug>/close/``"""

    @extend_schema(request=None, responses={200: CampaignAnswer}, operation_id="campaign_close")
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Give no more vouchers; those that were given stay good."""
        campaign = services.close(campaign=_own(request, slug))
        return Response(campaign_answer(campaign, own=True, logins=selectors.logins(campaign=campaign)))


class FirstLoginView(HotView):
    """``/api/v1/campaigns/<slug>/first-login/``"""

    @extend_schema(
        request=None, operation_id="campaign_first_login",
        responses={201: ClaimAnswer, 200: ClaimAnswer, **problem_responses(CampaignNotOpen)},
    )  # fmt: skip
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Tell a campaign that the shopper has signed in: the first so many get a voucher (201).

        Asking again answers the same voucher again (200).
        """
        return self.answer(request, slug=slug)

    @staticmethod
    def serve(call: Call, slug: str) -> Answer:
        """The voucher with 201, or the result without one with 200."""
        shopper = get_caller(call.auth).shopper
        if shopper is None:
            raise PermissionDenied("Only shoppers take part in campaigns.")
        outcome = services.claim(campaign=slug, customer_key=shopper.key, at=call.at)
        if outcome.result is Result.INACTIVE_USER:
            raise TokenInvalid
        if outcome.result is Result.NOT_OPEN:
            raise CampaignNotOpen
        voucher = None if outcome.voucher is None else voucher_answer(outcome.voucher, user=shopper.user_id)
        if outcome.result is Result.GRANTED and outcome.voucher is not None:
            return {"result": outcome.result, "rank": outcome.voucher.rank, "voucher": voucher}, 201
        told = {"voucher": voucher} if outcome.result is Result.ALREADY_CLAIMED else {}
        return {"result": outcome.result} | told, 200


class VouchersView(APIView):
    """``/api/v1/vouchers/``"""

    @extend_schema(responses={200: VoucherAnswer(many=True)}, operation_id="voucher_list")
    def get(self, request: Request) -> Response:
        """The shopper's own vouchers, newest first."""
        shopper, at = get_caller(request.auth).shopper, timezone.now()
        if shopper is None:
            raise PermissionDenied("Only shoppers have vouchers.")
        page = CursorPagination()
        rows = page.paginate_queryset(selectors.wallet(shopper=shopper), request, view=self) or []
        mine = [selectors.issued_vouchers(row, at=at) for row in rows]
        return page.get_paginated_response([voucher_answer(voucher, user=shopper.user_id) for voucher in mine])


def _own(request: Request, slug: str) -> Campaign:
    """The caller's own campaign, to be changed. Raises NotFound for another's, PermissionDenied for a viewer."""
    caller = get_caller(request.auth)
    campaign = selectors.campaign(slug=slug, brand_ids=_staffed(caller))
    get_brand_for_caller(caller=caller, slug=campaign.brand.slug, edit=True)
    return campaign


def _staffed(caller: Caller) -> Any:
    brand_ids = readable_brand_ids(caller)
    if brand_ids == []:
        raise NotFound
    return brand_ids
