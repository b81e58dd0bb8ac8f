"""Simulation over HTTP: parse, call one service, answer."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import get_caller
from accounts.selectors import get_brand_for_caller, get_shopper
from checkout import rules, services
from checkout.api.parsers import to_request
from checkout.api.serializers import CartRequest, QuoteAnswer, ReasonAnswer
from checkout.contracts import DraftPromotion, QuoteRequest, SimulationOptions
from core import throttle
from core.errors import InvalidRequest
from core.serializer_fields import (
    AmountField,
    AwareDateTimeField,
    ExternalIdField,
    ObjectField,
    SlugField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    parse_minor_units,
)
from pricing import Facts, Offer, Profile, ProfileInvalid, parse_profile
from promotions.code_rules import normalize_code
from promotions.services import validate_offer

MAX_PROMOTIONS = 1_000
LARGE = 20_000  # promotions times lines; a simulation takes its time by these


class LimitsRequest(serializers.Serializer[Any]):
    """How often the promotion may be used; a draft that nobody used has everything left."""

    total = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=2_000_000_000)
    per_user = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=2_000_000_000)
    per_day = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=2_000_000_000)
    per_week = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=2_000_000_000)
    per_month = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=2_000_000_000)


class DraftRequest(serializers.Serializer[Any]):
    """A promotion to be tried."""

    id = ExternalIdField(help_text="The caller's own name of it")
    trigger = serializers.ChoiceField(["automatic", "code"])
    code = StrictCharField(max_length=200, required=False, allow_null=True)
    offer = ObjectField(help_text="An offer, in the offer language")
    priority = StrictIntegerField(required=False, min_value=-32768, max_value=32767)
    limits = LimitsRequest(required=False)
    budget = AmountField(required=False, allow_null=True)


class CustomerRequest(serializers.Serializer[Any]):
    """Who is taken to be shopping."""

    segments = serializers.ListField(child=StrictCharField(max_length=100), max_length=1_000, required=False)
    placed_orders = StrictIntegerField(min_value=0, max_value=1_000_000, default=0)


class SimulationRequest(serializers.Serializer[Any]):
    """A cart, and the promotions to try on it. The order of equals is the order of the list."""

    cart = CartRequest()
    promotions: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=DraftRequest(), max_length=MAX_PROMOTIONS
    )
    profile = ObjectField(required=False, help_text="A pricing profile; the brand's own when absent")
    customer = CustomerRequest(required=False)
    at = AwareDateTimeField(required=False)
    include_live = StrictBooleanField(default=False)
    brand = SlugField(required=False, help_text="When the caller is staff of several brands")


class CheckedAnswer(serializers.Serializer[Any]):
    """A condition as it was looked at."""

    kind = serializers.CharField()
    needed = serializers.JSONField()
    saw = serializers.JSONField()
    held = serializers.BooleanField()


class ExplainedAnswer(serializers.Serializer[Any]):
    """Everything about one promotion: ``outcome`` is "applied" or the code of the reason that it was passed over."""

    kind = serializers.CharField()
    id = serializers.CharField()
    title = serializers.CharField()
    code = serializers.CharField(required=False)
    live = serializers.BooleanField()
    outcome = serializers.CharField()
    detail = serializers.CharField()
    amount = serializers.CharField()
    conditions = CheckedAnswer(many=True)
    reason = ReasonAnswer(required=False)


class SimulationAnswer(QuoteAnswer):
    """A quote that explains itself."""

    explain = ExplainedAnswer(many=True)


class SimulateView(APIView):
    """``/api/v1/promotions/simulate/``"""

    @extend_schema(request=SimulationRequest, responses={200: SimulationAnswer}, operation_id="promotion_simulate")
    def post(self, request: HttpRequest) -> Response:
        """Price a cart with promotions that are only drafts, and explain. Stores and takes nothing."""
        slug = request.data.get("brand") if isinstance(request.data, dict) else None
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=slug if isinstance(slug, str) else None)
        body = SimulationRequest(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        if len(asked["promotions"]) * len(asked["cart"]["lines"]) > LARGE:
            throttle.consume("simulate_large", get_caller(request.auth).identity)
        customer_id = asked["cart"].get("customer_id")
        found = services.simulate(
            request=to_cart(asked["cart"], brand.slug),
            trial=to_trial(asked),
            brand=brand,
            shopper=get_shopper(customer_id) if customer_id else None,
            at=asked.get("at") or timezone.now(),
        )
        return Response(rules.serialize_simulation(found))


def to_cart(asked: Mapping[str, Any], brand: str) -> QuoteRequest:
    """The cart in minor units. Raises ValidationError, below ``cart``."""
    try:
        return to_request(asked, brand=brand)
    except serializers.ValidationError as error:
        faults: Any = error.detail
        raise serializers.ValidationError({f"cart.{name}": found for name, found in faults.items()}) from error


def to_trial(asked: Mapping[str, Any]) -> SimulationOptions:
    """The drafts and what is assumed beside them. Raises Invalid with every fault."""
    faults: list[dict[str, str]] = []
    drafts, seen = [], {"id": set[str](), "code": set[str]()}
    for index, each in enumerate(asked["promotions"]):
        place = f"promotions.{index}"
        faults += _repeated(each, place, seen)
        try:
            drafts.append(_draft(each, place, asked["cart"]["currency"]))
        except InvalidRequest as refusal:
            faults += refusal.errors or []
    profile = _profile(asked.get("profile"), faults)
    if faults:
        raise InvalidRequest(errors=faults)
    who = asked.get("customer")
    facts = None if who is None else Facts(frozenset(who.get("segments", ())), who["placed_orders"])
    return SimulationOptions(drafts, facts, profile, asked["include_live"])


def _repeated(each: Mapping[str, Any], place: str, seen: Mapping[str, set[str]]) -> list[dict[str, str]]:
    """Ids and codes that stand twice; notes the new ones."""
    faults = []
    values = {"id": each["id"], "code": normalize_code(each.get("code") or "")}
    for name, value in values.items():
        if value in seen[name]:
            faults.append({"field": f"{place}.{name}", "code": "invalid", "detail": f"Each {name} stands once."})
        elif value:
            seen[name].add(value)
    return faults


def _draft(each: Mapping[str, Any], place: str, currency: str) -> DraftPromotion:
    """One draft; its ``priority`` goes before the offer's own. Raises Invalid."""
    by_code, text = each["trigger"] == "code", each.get("code")
    code = normalize_code(text) if text else None
    if text and not by_code:
        raise InvalidRequest.field(f"{place}.code", "A promotion that starts by itself has no code.")
    if text and code is None:
        raise InvalidRequest.field(f"{place}.code", "A code is 3 to 64 of A-Z, 0-9, _ and -.")
    offer: Offer = validate_offer(each["offer"], field=f"{place}.offer")
    return DraftPromotion(
        id=each["id"],
        title=each["id"],
        offer=replace(offer, priority=each.get("priority", offer.priority)),
        by_code=by_code,
        code=code,
        budget=_budget(each.get("budget"), currency, f"{place}.budget"),
    )


def _budget(text: str | None, currency: str, field: str) -> int | None:
    if text is None:
        return None
    try:
        found = parse_minor_units(text, currency, field)
    except serializers.ValidationError as error:
        raise InvalidRequest.field(field, f"This has more decimals than {currency} has.") from error
    if not found:
        raise InvalidRequest.field(field, "A budget is more than nothing.")
    return found


def _profile(value: Any, faults: list[dict[str, str]]) -> Profile | None:
    try:
        return None if value is None else parse_profile(value)
    except ProfileInvalid as error:
        faults += [
            {"field": f"profile.{path}" if path else "profile", "code": code, "detail": detail}
            for path, code, detail in error.errors
        ]
        return None
