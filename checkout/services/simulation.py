"""Simulation: the price of a cart with draft promotions. Nothing is stored or redeemed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.contracts import Acceptance, Shopper
from accounts.models import Brand
from checkout import rules
from checkout.contracts import (
    DRAFT_KEY_PREFIX,
    DraftPromotion,
    Quote,
    QuoteRequest,
    Simulation,
    SimulationOptions,
)
from checkout.services.quotes import collect_candidates, load_customer_facts, price_candidates, reject_unknown
from pricing import Explanation, ShopperFacts
from promotions.selectors.pricing_profiles import get_pricing_profile
from redemptions.codes.rules import canonicalize_code
from redemptions.contracts import Candidate, Rejection
from redemptions.limits.rules import CUSTOMER_BUDGET
from redemptions.uses.contracts import find_common_currencies

MAX_CREATED_AT = 10**12  # seconds since 1970, later than any live promotion: drafts come last, in the caller's order
KIND = "promotion"
CODE_NOT_IN_CART = "code_not_in_cart"


def simulate(
    *, request: QuoteRequest, options: SimulationOptions, brand: Brand, shopper: Shopper | None, at: datetime
) -> Simulation:
    """Price the cart with the drafts and explain the result, with the same pricing as a quote.

    A draft that needs a code is evaluated only if the cart has this code. With ``options.include_live`` the brand's
    active offers of every kind are included, except those that a draft of the same ID replaces.
    """
    typed = {canonicalize_code(code) or code: code for code in request.codes}
    running = {draft.id: draft for draft in options.drafts if not draft.by_code or _key(draft) in typed}
    drafts = [
        build_candidate(draft, brand, MAX_CREATED_AT + position)
        for position, draft in enumerate(options.drafts)
        if draft.id in running
    ]
    draft_codes = {_key(draft) for draft in running.values()}
    other_codes = tuple(text for code, text in typed.items() if code not in draft_codes)
    live, rejections = _find_live(replace(request, codes=other_codes), options, brand, shopper, at)
    draft_ids = {draft.id for draft in options.drafts}
    candidates = [*drafts, *(candidate for candidate in live if candidate.id not in draft_ids)]
    facts = (
        load_customer_facts(candidates, shopper, at=at, own=request)
        if options.facts is None
        else ShopperFacts({brand.slug: options.facts})
    )
    profile = options.profile or get_pricing_profile({brand.pk})
    quote = price_candidates(request, candidates, rejections, facts=facts, at=at, profile=profile, explain=True)
    not_running = [draft for draft in options.drafts if draft.id not in running]
    return Simulation(quote, options, _explain_not_running(not_running, brand, quote))


def build_candidate(draft: DraftPromotion, brand: Brand, order: int) -> Candidate:
    """Return the candidate of a draft, with its whole budget and unused limits."""
    own = {
        currency: most
        for currency, most in draft.per_customer.items()
        if currency not in draft.budgets or most < draft.budgets[currency]
    }
    return Candidate(
        kind=KIND,
        id=draft.id,
        key=f"{DRAFT_KEY_PREFIX}{draft.id}",
        code=(draft.code or "") if draft.by_code else "",
        title=draft.name,
        brand_id=brand.pk,
        brand=brand.slug,
        timezone=brand.timezone,
        offer=draft.offer,
        order=order,
        budgets_left={**draft.budgets, **own},
        limited_by=dict.fromkeys(own, CUSTOMER_BUDGET),
        currency=draft.currency,
        ceilings=draft.ceilings,
        units_left=draft.units,
        currencies=find_common_currencies(draft.budgets, draft.ceilings, draft.per_customer),
    )


def _key(draft: DraftPromotion) -> str | None:
    """Return the form by which the code of a draft is compared, or None without a code."""
    return canonicalize_code(draft.code) if draft.code else None


def _find_live(
    request: QuoteRequest, options: SimulationOptions, brand: Brand, shopper: Shopper | None, at: datetime
) -> tuple[list[Candidate], list[Rejection]]:
    """Return the brand's active offers for this cart, if included, and the rejections of its codes and vouchers."""
    if not options.include_live:
        return [], reject_unknown(codes=request.codes, vouchers=request.vouchers)
    segments = options.facts.segments if options.facts else ()
    acceptance = Acceptance(frozenset({brand.pk}))
    return collect_candidates(request=request, shopper=shopper, acceptance=acceptance, at=at, segments=segments)


def _explain_not_running(drafts: Sequence[DraftPromotion], brand: Brand, quote: Quote) -> dict[str, Explanation]:
    """Explain the conditions of drafts whose code isn't in the cart.

    A single pricing evaluates all of them, with an empty budget, so that none is applied.
    """
    empty = {quote.request.cart.currency: 0}
    candidates = {draft.id: build_candidate(replace(draft, budgets=empty), brand, 0) for draft in drafts}
    priced = rules.price_cart(
        QuoteRequest(quote.request.cart, ()),
        {candidate.ref: candidate for candidate in candidates.values()},
        [],
        facts=quote.facts,
        profile=quote.profile,
        at=quote.at,
        explain=True,
    )
    explanations = {explanation.ref: explanation for explanation in priced.decision.explanations}
    return {
        draft.id: replace(
            explanations[candidates[draft.id].ref], outcome=CODE_NOT_IN_CART, detail=_describe_missing(draft), amount=0
        )
        for draft in drafts
    }


def _describe_missing(draft: DraftPromotion) -> str:
    if not draft.code:
        return _("This promotion needs a code but has none.")
    return _("The code %(code)s isn't in the cart.") % {"code": draft.code}
