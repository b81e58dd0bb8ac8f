"""API of simulations: a cart priced with draft promotions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import MANAGE, READ, get_caller
from accounts.models import Brand
from accounts.selectors import get_brand_for_caller, get_shopper
from checkout import serialization, services
from checkout.api.input_serializers import CartInputSerializer
from checkout.api.parsers import to_quote_request
from checkout.api.serializers import KIND_HELP, NAME_HELP, QuoteSerializer, ReasonSerializer
from checkout.contracts import DraftPromotion, QuoteRequest, SimulationOptions
from core import throttle
from core.budgets import parse_budgets
from core.costly_views import CostlyMethods
from core.errors import InvalidRequest
from core.message_languages import translate
from core.serializer_fields import (
    AwareDateTimeField,
    BudgetField,
    ExternalIdField,
    SlugField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
)
from core.serializers import InputSerializer
from core.views import APIView, KeyScopes
from pricing import Facts, Offer, Profile, ProfileInvalid, parse_profile
from promotions.services import MAX_PRIORITY, check_priority, check_unit_limit, validate_offer
from redemptions.api.limits import MAX_LIMIT
from redemptions.api.offer_fields import OfferField, PricingProfileField
from redemptions.codes.rules import CODE_FORMAT_MESSAGE, normalize_code

MAX_PROMOTIONS = 1_000
LARGE = 20_000  # promotions times lines, which determine how long a simulation takes

FieldErrors = list[dict[str, str]]


class DraftLimitsInputSerializer(InputSerializer):
    """Usage limits of a draft. A simulation evaluates each draft as unused."""

    total = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_LIMIT, help_text=_("Total usage limit.")
    )
    per_customer = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_LIMIT, help_text=_("Usage limit per customer.")
    )
    per_day = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_LIMIT, help_text=_("Usage limit per day.")
    )
    per_week = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_LIMIT, help_text=_("Usage limit per week.")
    )
    per_month = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_LIMIT, help_text=_("Usage limit per month.")
    )
    units = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_LIMIT, help_text=_("Limit of units of goods.")
    )


class DraftPromotionInputSerializer(InputSerializer):
    """A promotion to simulate."""

    id = ExternalIdField(help_text=_("Your ID of the draft. The ID of an active promotion replaces that promotion."))
    trigger = serializers.ChoiceField(["automatic", "code"], help_text=_("Whether the promotion needs a code."))
    code = StrictCharField(max_length=200, required=False, allow_null=True, help_text=_("Code of the promotion."))
    offer = OfferField(help_text=_("Offer in the offer language."))
    priority = StrictIntegerField(
        required=False,
        min_value=-MAX_PRIORITY,
        max_value=MAX_PRIORITY,
        help_text=_("Priority. Defaults to the offer's priority."),
    )
    limits = DraftLimitsInputSerializer(required=False, help_text=_("Usage limits."))
    budget = BudgetField(
        required=False, allow_null=True, help_text=_("Budget in the cart's currency, or one for each currency.")
    )
    max_per_order = BudgetField(
        required=False,
        allow_null=True,
        help_text=_("Maximum discount of an order in the cart's currency, or one for each currency."),
    )
    max_per_customer = BudgetField(
        required=False,
        allow_null=True,
        help_text=_("Maximum sum of a customer's discounts in the cart's currency, or one for each currency."),
    )


class AssumedCustomerInputSerializer(InputSerializer):
    """Assumptions about the customer, instead of stored data."""

    segments = serializers.ListField(
        child=StrictCharField(max_length=100), max_length=1_000, required=False, help_text=_("Segment types.")
    )
    placed_orders = StrictIntegerField(
        min_value=0, max_value=1_000_000, default=0, help_text=_("Number of confirmed orders.")
    )


class SimulationInputSerializer(InputSerializer):
    """A cart and the promotions to simulate. The order of the list decides between equal promotions."""

    cart = CartInputSerializer(help_text=_("Cart to price."))
    promotions: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=DraftPromotionInputSerializer(), max_length=MAX_PROMOTIONS, help_text=_("Promotions to simulate.")
    )
    profile = PricingProfileField(required=False, help_text=_("Pricing profile. Defaults to the brand's profile."))
    customer = AssumedCustomerInputSerializer(
        required=False,
        help_text=_("Assumptions about the customer. Defaults to the stored data of `cart.customer_id`."),
    )
    at = AwareDateTimeField(required=False, help_text=_("Date and time of the simulation. Defaults to now."))
    include_live = StrictBooleanField(default=False, help_text=_("Whether to include the brand's active offers."))
    brand = SlugField(required=False, help_text=_("Required if you belong to several brands."))


class ConditionResultSerializer(serializers.Serializer[Any]):
    """The result of a condition."""

    kind = serializers.CharField(help_text=_("Kind of the condition."))
    required = serializers.JSONField(  # type: ignore[assignment]
        help_text=_("What the condition requires.")
    )
    actual = serializers.JSONField(help_text=_("What the cart, the customer or the time has."))
    passed = serializers.BooleanField(help_text=_("Whether the condition is met."))


class ExplanationSerializer(serializers.Serializer[Any]):
    """The explanation of one promotion."""

    kind = serializers.CharField(help_text=KIND_HELP)
    id = serializers.CharField(help_text=_("ID of the draft or of the active promotion."))
    name = serializers.CharField(help_text=NAME_HELP)
    code = serializers.CharField(required=False, help_text=_("Code of the promotion."))
    live = serializers.BooleanField(help_text=_("Whether this is an active promotion instead of a draft."))
    outcome = serializers.CharField(help_text=_("`applied`, or the code of the reason why it isn't."))
    detail = serializers.CharField(help_text=_("Text of the outcome."))
    amount = serializers.CharField(help_text=_("Discount of the promotion."))
    conditions = ConditionResultSerializer(many=True, help_text=_("Results of the conditions."))
    reason = ReasonSerializer(required=False, help_text=_("Why the promotion isn't applied."))


class SimulationSerializer(QuoteSerializer):
    """A quote with explanations."""

    explain = ExplanationSerializer(
        many=True, help_text=_("Explanations: the drafts in the order of the request, then active promotions.")
    )


class SimulateView(APIView):
    """``/api/v1/promotions/simulate/``"""

    costly: ClassVar[CostlyMethods] = {"post": "simulation"}
    key_scopes: ClassVar[KeyScopes] = {"post": READ | MANAGE}

    @extend_schema(
        request=SimulationInputSerializer, responses={200: SimulationSerializer}, operation_id="promotion_simulate"
    )
    def post(self, request: Request) -> Response:
        """Price a cart with draft promotions and explain the result. Nothing is stored or redeemed."""
        caller = get_caller(request.auth)
        slug = request.data.get("brand") if isinstance(request.data, dict) else None
        brand = get_brand_for_caller(caller=caller, slug=slug if isinstance(slug, str) else None)
        serializer = SimulationInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        body = serializer.validated_data
        if len(body["promotions"]) * len(body["cart"]["lines"]) > LARGE:
            throttle.consume("simulate_large", caller.identity)
        customer_id = body["cart"].get("customer_id")
        simulation = services.simulate(
            request=to_cart(body["cart"], brand.slug),
            options=to_simulation_options(body, brand),
            brand=brand,
            shopper=get_shopper(customer_id, brand_id=brand.pk) if customer_id else None,
            at=body.get("at") or timezone.now(),
        )
        return Response(serialization.serialize_simulation(simulation))


def to_cart(cart: Mapping[str, Any], brand: str) -> QuoteRequest:
    """Convert the validated cart. Raises ValidationError with fields below ``cart``."""
    try:
        return to_quote_request(cart, brand=brand)
    except serializers.ValidationError as error:
        errors: Any = error.detail
        raise serializers.ValidationError({f"cart.{name}": detail for name, detail in errors.items()}) from error


def to_simulation_options(body: Mapping[str, Any], brand: Brand) -> SimulationOptions:
    """Convert the validated drafts of a brand and the assumptions. Raises InvalidRequest with all field errors."""
    errors: FieldErrors = []
    drafts: list[DraftPromotion] = []
    seen: dict[str, set[str]] = {"id": set(), "code": set()}
    for index, promotion in enumerate(body["promotions"]):
        path = f"promotions.{index}"
        errors += _find_duplicates(promotion, path, seen)
        try:
            drafts.append(_to_draft(promotion, path, body["cart"]["currency"], brand))
        except InvalidRequest as error:
            errors += error.errors or []
    profile = _to_profile(body.get("profile"), errors)
    if body["cart"].get("identities") and not body["include_live"]:
        detail = gettext("Drafts have no uses. Set `include_live` to simulate identities.")
        errors.append({"field": "cart.identities", "code": "invalid", "detail": detail})
    if errors:
        raise InvalidRequest(errors=errors)
    customer = body.get("customer")
    facts = None if customer is None else Facts(frozenset(customer.get("segments", ())), customer["placed_orders"])
    return SimulationOptions(drafts, facts, profile, body["include_live"])


def _find_duplicates(promotion: Mapping[str, Any], path: str, seen: Mapping[str, set[str]]) -> FieldErrors:
    """Return errors for an ID and a code that are in ``seen``, and add new ones to it."""
    errors = []
    values = {"id": promotion["id"], "code": normalize_code(promotion.get("code") or "")}
    messages = {"id": gettext("Duplicate id."), "code": gettext("Duplicate code.")}
    for name, value in values.items():
        if value in seen[name]:
            errors.append({"field": f"{path}.{name}", "code": "invalid", "detail": messages[name]})
        elif value:
            seen[name].add(value)
    return errors


def _to_draft(promotion: Mapping[str, Any], path: str, currency: str, brand: Brand) -> DraftPromotion:
    """Convert one draft; ``priority`` overrides the offer's own. Raises InvalidRequest."""
    by_code, text = promotion["trigger"] == "code", promotion.get("code")
    code = normalize_code(text) if text else None
    if text and not by_code:
        raise InvalidRequest.field(f"{path}.code", gettext("An automatic promotion can't have a code."))
    if text and code is None:
        raise InvalidRequest.field(f"{path}.code", str(CODE_FORMAT_MESSAGE))
    offer = _to_offer(promotion["offer"], f"{path}.offer", currency, brand, by_code=by_code)
    units = promotion.get("limits", {}).get("units")
    check_unit_limit(offer, limit=units, field=f"{path}.limits.units")
    amounts = {
        name: parse_budgets(promotion.get(name), currency=currency, field=f"{path}.{name}")
        for name in ("budget", "max_per_order", "max_per_customer")
    }
    return DraftPromotion(
        id=promotion["id"],
        name=promotion["id"],
        offer=replace(offer, priority=promotion.get("priority", offer.priority)),
        by_code=by_code,
        code=code,
        budgets=amounts["budget"],
        ceilings=amounts["max_per_order"],
        units=units,
        per_customer=amounts["max_per_customer"],
    )


def _to_offer(document: Any, path: str, currency: str, brand: Brand, *, by_code: bool) -> Offer:
    """Convert the offer of a draft, whose plain amounts are in the currency of the cart. Raises InvalidRequest."""
    offer = validate_offer(
        document, field=path, currency=currency, needs_common_currency=False, brand=brand, can_keep_balance=by_code
    )
    check_priority(offer, field=f"{path}.priority")
    return offer


def _to_profile(profile: Any, errors: FieldErrors) -> Profile | None:
    """Convert a pricing profile, or add its errors to ``errors``."""
    try:
        return None if profile is None else parse_profile(profile)
    except ProfileInvalid as error:
        errors += [
            {"field": f"profile.{path}" if path else "profile", "code": code, "detail": translate(detail)}
            for path, code, detail in error.errors
        ]
        return None
