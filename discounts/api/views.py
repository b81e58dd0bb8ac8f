"""API views for discount codes and their redemptions."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import CHECKOUT, Caller, get_caller
from accounts.models import Brand
from accounts.selectors import get_brand_for_caller, has_slug, readable_brand_ids
from core.errors import NotFound, PermissionDenied
from core.etags import VersionedObject, versioned
from core.fast_views import Answer, Call, FastView
from core.idempotency import idempotent
from core.list_queries import paginate, validate_query
from core.metadata import pick_metadata
from core.openapi import problem_responses
from core.serializer_fields import localize, parse_minor_units, validate
from core.throttle import client_network
from core.views import APIView, KeyScopes
from discounts import selectors, services
from discounts.api.serializers import (
    CodeInputSerializer,
    CodeSerializer,
    CodeUpdateSerializer,
    DuplicateInputSerializer,
    UsageInputSerializer,
    UsageSerializer,
    serialize_code,
    serialize_usage,
)
from discounts.models import DiscountCode
from redemptions.api.guesses import count_guesses
from redemptions.api.lifecycle import VOLATILE
from redemptions.api.limits import TotalLimitsSerializer, serialize_staff_fields, to_limit_fields
from redemptions.api.lists import CodedOfferQuerySerializer, filter_offers
from redemptions.codes.rules import canonicalize_code
from redemptions.errors import CodeNotFound, CodeTaken
from redemptions.lifecycle import Action
from redemptions.statuses import OfferDecision, OfferStatus

UNKNOWN_CODE_SCOPE = "code_miss"  # fails closed without Redis: lookups are what an attacker would guess with


BRAND = OpenApiParameter(
    "brand", str, description="Slug of the code's brand. Without it, your own brand's code, otherwise the oldest."
)


class CodesView(APIView):
    """``/api/v1/discountcode/``"""

    is_for_browsers = True

    @extend_schema(request=CodeInputSerializer, responses={201: CodeSerializer}, operation_id="discountcode_create")
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a discount code for the caller's brand and announce it."""
        serializer = CodeInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=data.get("brand"), edit=True)
        dates = _to_dates(data, brand)
        code = services.create_code(
            brand=brand,
            text=data["id"],
            rule=data["rule"],
            start_date=dates.get("start_date"),
            validity=dates["end_date"],
            notify=data["notify"],
            is_draft=data.get("status") == OfferStatus.DRAFT,
            limits=to_limit_fields(data, currency=brand.currency, names=TotalLimitsSerializer),
            **pick_metadata(data),
            by=get_caller(request.auth).user_key,
            at=timezone.now(),
        )
        return Response(_serialize_own(code), status=201)

    @extend_schema(
        parameters=[CodedOfferQuerySerializer],
        responses={200: CodeSerializer(many=True)},
        operation_id="discountcode_list",
    )
    def get(self, request: Request) -> Response:
        """List discount codes, newest first.

        Staff get the codes of their brands. Shoppers name a brand, and get its announced codes that they can redeem
        now.
        """
        caller, query = get_caller(request.auth), validate_query(CodedOfferQuerySerializer, request)
        slug = query.get("brand")
        brand_ids = readable_brand_ids(caller)
        is_staff = brand_ids is None or (bool(brand_ids) and not _is_other_brands_shopper(caller, slug, brand_ids))
        if is_staff:
            codes = selectors.list_for_brands(brand_ids=brand_ids)
        elif slug:
            if caller.shopper is None:
                raise PermissionDenied
            codes = selectors.list_usable(brand_slug=slug, shopper=caller.shopper, at=timezone.now())
            codes = codes.none() if caller.issuer_brand not in (None, slug) else codes
        else:
            raise PermissionDenied(_("Name a brand: ?brand=<slug>."))
        codes = filter_offers(codes, query, caller=caller, at=timezone.now())
        paginator = paginate(query)
        page = paginator.paginate_queryset(codes, request, view=self) or []
        data = [serialize_code(code, at=timezone.now()) for code in page]
        if is_staff:
            fields = serialize_staff_fields(page, names=TotalLimitsSerializer)
            data = [code | fields[code["offer_id"]] for code in data]
        return paginator.get_paginated_response(data)


class CodeView(APIView):
    """``/api/v1/discountcode/<id>/``, by the text of the code, the SHA-256 of its canonical form, or its offer ID."""

    is_for_browsers = True

    versioned_object = VersionedObject(
        lambda request, name: get_readable_code(request, name),  # noqa: PLW0108  (defined below)
        lambda _, row: _serialize_own(row),
        VOLATILE,
    )

    @extend_schema(parameters=[BRAND], responses={200: CodeSerializer}, operation_id="discountcode_read")
    @versioned
    def get(self, request: Request, name: str) -> Response:
        """Return a discount code with its rule, even if it has ended. Only its brand sees a draft."""
        caller = get_caller(request.auth)
        limits = caller.get_guess_limits(client_network(request))
        del limits["cart_code_miss"]
        limits[UNKNOWN_CODE_SCOPE] = caller.identity
        with count_guesses(limits):
            code, is_own = _get_visible_code(request, name)
        return Response(_serialize_own(code) if is_own else serialize_code(code, at=timezone.now()))

    @extend_schema(
        parameters=[BRAND],
        request=CodeUpdateSerializer,
        responses={200: CodeSerializer},
        operation_id="discountcode_change",
    )
    @versioned
    def patch(self, request: Request, name: str) -> Response:
        """Change when a discount code ends, its budget and limits, and before its start also its rule and start.

        A later end makes an ended code active again.
        """
        serializer = CodeUpdateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        code, data = get_editable_code(request, name), serializer.validated_data
        fields = _to_dates(data, code.brand) | ({"rule": data["rule"]} if "rule" in data else {})
        fields |= pick_metadata(data) | to_limit_fields(data, currency=code.currency, names=TotalLimitsSerializer)
        return Response(_serialize_own(services.change_code(code=code, fields=fields, at=timezone.now())))

    @extend_schema(parameters=[BRAND], responses={204: None}, operation_id="discountcode_delete")
    @versioned
    def delete(self, request: Request, name: str) -> Response:
        """Delete a draft, or archive a discount code, which ends it for good and frees its text.

        Its redemptions are kept.
        """
        services.delete_code(code=get_editable_code(request, name), at=timezone.now())
        return Response(status=204)


class DuplicateView(APIView):
    """``/api/v1/discountcode/<id>/duplicate/``"""

    versioned_object = CodeView.versioned_object

    @extend_schema(
        parameters=[BRAND],
        request=DuplicateInputSerializer,
        responses={201: CodeSerializer, **problem_responses(CodeTaken)},
        operation_id="discountcode_duplicate",
    )
    @idempotent
    @versioned
    def post(self, request: Request, name: str) -> Response:
        """Create a draft with the rule and the dates of a discount code, and another text."""
        serializer = DuplicateInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        code = services.duplicate_code(
            code=get_editable_code(request, name),
            text=serializer.validated_data.get("id"),
            by=get_caller(request.auth).user_key,
            at=timezone.now(),
        )
        return Response(_serialize_own(code), status=201)


def apply_action(request: Request, name: str, action: Action) -> dict[str, Any]:
    """Change the status of a code that the caller may change, and return the code."""
    code = get_editable_code(request, name)
    return _serialize_own(services.change_decision(code=code, action=action, at=timezone.now()))


def get_readable_code(request: Request, name: str) -> DiscountCode:
    """Return a code of the caller's brands. Raises NotFound for codes of other brands."""
    brand_ids = readable_brand_ids(get_caller(request.auth))
    try:
        code = _get_code(request, name)
    except CodeNotFound as error:
        raise NotFound from error
    if brand_ids is not None and code.brand_id not in brand_ids:
        raise NotFound
    return code


def get_editable_code(request: Request, name: str) -> DiscountCode:
    """Return a code of the caller's brand. Raises NotFound for codes of other brands, PermissionDenied for viewers."""
    code = get_readable_code(request, name)
    get_brand_for_caller(caller=get_caller(request.auth), slug=code.brand.slug, edit=True)
    return code


class UsagesView(FastView):
    """``/api/v1/discountcodeusage/``"""

    key_scopes: ClassVar[KeyScopes] = {}
    is_for_browsers = True

    @extend_schema(
        request=UsageInputSerializer, responses={201: UsageSerializer}, operation_id="discountcodeusage_create"
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Redeem a discount code. Each shopper can redeem a code once."""
        return self.answer(request)

    @staticmethod
    def serve(call: Call) -> Answer:
        """Redeem a code and return the redemption."""
        data = validate(UsageInputSerializer, call.body())
        caller = get_caller(call.auth)
        shopper = caller.shopper
        if shopper is None or data.get("user", shopper.user_id) != shopper.user_id:
            raise PermissionDenied(_("You can redeem codes only for yourself."))
        with count_guesses(caller.get_guess_limits(call.network)):
            brand = _choose_brand(caller, data.get("brand"))
            result = services.redeem_code(
                code=canonicalize_code(data["discount_code"]) or "",
                brand=brand,
                has_user=caller.issuer_brand_id is None,
                shopper=shopper,
                at=call.at,
                **_parse_amount(data, brand),
            )
        return serialize_usage(result), 201


class UsageView(APIView):
    """``/api/v1/discountcodeusage/<id>/``"""

    key_scopes: ClassVar[KeyScopes] = {"delete": CHECKOUT}

    @extend_schema(
        parameters=[
            OpenApiParameter("brand", str, description="Slug of the brand. Required if you belong to several brands.")
        ],
        responses={204: None},
        operation_id="discountcodeusage_return",
    )
    def delete(self, request: Request, usage_id: uuid.UUID) -> Response:
        """Return a redemption of the brand's code, so that the shopper can redeem the code again."""
        slug = request.query_params.get("brand")
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=slug, edit=True)
        services.return_redemption(usage_id=usage_id, brand_id=brand.pk, at=timezone.now())
        return Response(status=204)


def _get_code(request: Request, name: str) -> DiscountCode:
    """Return the code that the URL and ``?brand=`` name, of the caller's brands first. Raises CodeNotFound."""
    caller = get_caller(request.auth)
    own = readable_brand_ids(caller) or ()
    return selectors.get_code(name, brand=_choose_brand(caller, request.query_params.get("brand")), own=own)


def _to_dates(data: Mapping[str, Any], brand: Brand) -> dict[str, datetime]:
    """Return the dates of a request as fields of the model. Days are those of the brand's time zone."""
    names = {"start_date": "start_date", "validity": "end_date"}
    return {field: localize(data[name], brand.timezone) for name, field in names.items() if name in data}


def _serialize_own(code: DiscountCode) -> dict[str, Any]:
    """Return a code with the fields for its brand."""
    data = serialize_code(code, at=timezone.now(), notified=selectors.announcement_progress(code))
    return data | serialize_staff_fields([code], names=TotalLimitsSerializer)[code.offer_id]


def _get_visible_code(request: Request, name: str) -> tuple[DiscountCode, bool]:
    """Return a code and whether it is of the caller's brands. Raises CodeNotFound, also for drafts of other brands."""
    code, brand_ids = _get_code(request, name), readable_brand_ids(get_caller(request.auth))
    is_own = brand_ids is None or code.brand_id in brand_ids
    if not is_own and code.decision == OfferDecision.DRAFT:
        raise CodeNotFound
    return code, is_own


def _is_other_brands_shopper(caller: Caller, slug: str | None, brand_ids: list[uuid.UUID]) -> bool:
    """Return whether staff of other brands ask for a brand's codes as a shopper."""
    return bool(slug and caller.shopper) and not has_slug(brand_ids=brand_ids, slug=slug or "")


def _choose_brand(caller: Caller, slug: str | None) -> str | None:
    """Return the brand that a request names: for shoppers of a brand's own login that one. Raises CodeNotFound."""
    if caller.issuer_brand is None:
        return slug
    if slug not in (None, caller.issuer_brand):
        raise CodeNotFound
    return caller.issuer_brand


def _parse_amount(data: dict[str, Any], brand: str | None) -> dict[str, Any]:
    """Return ``amount`` in minor units and ``currency``, which defaults to the brand's currency."""
    if "amount" not in data:
        return {"amount": None, "currency": data.get("currency")}
    currency = data.get("currency") or selectors.currency_of(data["discount_code"], brand=brand)
    return {"amount": parse_minor_units(data["amount"], currency, "amount"), "currency": currency}
