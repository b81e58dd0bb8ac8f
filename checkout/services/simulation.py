"""What a cart would cost with promotions that are only drafts. Stores nothing, takes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from accounts.contracts import Shopper
from accounts.models import Brand
from checkout import rules
from checkout.contracts import DraftPromotion, Quote, QuoteRequest, Simulation, SimulationOptions
from checkout.services.quotes import load_customer_facts, price_cart
from pricing import Explanation, ShopperFacts
from promotions.code_rules import normalize_code
from promotions.contracts import Candidate, CandidateQuery, Rejection
from promotions.errors import CodeNotFound
from promotions.selectors import candidates, codes_of_promotions, get_pricing_profile

MAX_CREATED_AT = (
    10**12
)  # seconds since 1970, beyond every promotion that runs: drafts come after them, in the caller's order
CODE_NOT_IN_CART = "code_not_sent"
NO_VOUCHERS = "Vouchers are no part of a simulation."


def simulate(
    *, request: QuoteRequest, trial: SimulationOptions, brand: Brand, shopper: Shopper | None, at: datetime
) -> Simulation:
    """Price the cart with the drafts, explained, by the same pricing as a quote.

    A draft that a code opens comes into play only when its code is among the cart's. With ``trial.include_live`` the
    brand's running promotions are in play too, but for those that a draft of the same id stands in for.
    """
    typed = {normalize_code(code) or code: code for code in request.codes}
    awake = {draft.id: draft for draft in trial.drafts if not draft.by_code or draft.code in typed}
    candidates = {
        it.ref: it
        for it in (
            candidate(draft, brand, MAX_CREATED_AT + index)
            for index, draft in enumerate(trial.drafts)
            if draft.id in awake
        )
    }
    rest = {code: text for code, text in typed.items() if code not in {draft.code for draft in awake.values()}}
    segments = sorted(trial.facts.segments) if trial.facts else []
    ask = CandidateQuery(request.cart, brand.slug, [], shopper, at, segments)
    live, rejections = _live(ask, rest, brand, wanted=trial.include_live)
    rejections += [Rejection(voucher, CodeNotFound(NO_VOUCHERS).as_dict()) for voucher in request.vouchers]
    candidates |= {it.ref: it for it in live if it.id not in {draft.id for draft in trial.drafts}}
    known = trial.facts
    facts = load_customer_facts(candidates.values(), shopper) if known is None else ShopperFacts({brand.slug: known})
    profile = trial.profile or get_pricing_profile({brand.pk})
    quote = price_cart(request, candidates, rejections, facts=facts, profile=profile, at=at, explain=True)
    return Simulation(
        quote, trial, _not_running([draft for draft in trial.drafts if draft.id not in awake], brand, quote)
    )


def candidate(draft: DraftPromotion, brand: Brand, order: int) -> Candidate:
    """A draft as the engine takes it; a promotion that nobody used yet has everything left."""
    return Candidate(
        kind="promotion",
        id=draft.id,
        key=f"{rules.DRAFT}{draft.id}",
        code=(draft.code or "") if draft.by_code else "",
        title=draft.title,
        brand_id=brand.pk,
        brand=brand.slug,
        timezone=brand.timezone,
        offer=draft.offer,
        order=order,
        budget_left=draft.budget,
    )


def _live(
    ask: CandidateQuery, typed: Mapping[str, str], brand: Brand, *, wanted: bool
) -> tuple[list[Candidate], list[Rejection]]:
    """The brand's running promotions for this cart, where they are wanted, and the codes that open nothing here."""
    mine = codes_of_promotions(codes=list(typed), brand_id=brand.pk) if wanted else set()
    found = candidates(ask=replace(ask, codes=sorted(mine))) if wanted else []
    live = [it for it in found if isinstance(it, Candidate) and it.brand_id == brand.pk]
    unknown = [Rejection(text, CodeNotFound().as_dict()) for code, text in typed.items() if code not in mine]
    return live, unknown + [it for it in found if isinstance(it, Rejection)]


def _not_running(drafts: Sequence[DraftPromotion], brand: Brand, quote: Quote) -> dict[str, Explanation]:
    """What drafts' conditions would have seen, though their codes were not sent; one pricing, in which none is given
    since nothing is left of its budget.
    """
    found = {draft.id: candidate(replace(draft, budget=0), brand, 0) for draft in drafts}
    bare, given = QuoteRequest(quote.request.cart, ()), {it.ref: it for it in found.values()}
    again = price_cart(bare, given, [], facts=quote.facts, profile=quote.profile, at=quote.at, explain=True)
    seen = {each.ref: each for each in again.decision.explanations}
    told = {}
    for draft in drafts:
        named = f"Its code {draft.code} is not among the cart's codes."
        detail = named if draft.code else "It has no code to be opened by."
        told[draft.id] = replace(seen[found[draft.id].ref], outcome=CODE_NOT_IN_CART, detail=detail, amount=0)
    return told
