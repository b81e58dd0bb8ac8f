"""Amendments of confirmed orders: another cart, priced with the order's offers as recorded, or with the offers of now.

The redemption is locked first, then, for the offers of now, the customer, then what the backends keep. The uses of
offers stay where they are; what changes of budgets, limits and figures changes in the same transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.contracts import Acceptance
from accounts.selectors import lock_customer, shopper_of
from checkout import rules, selectors, serialization
from checkout.contracts import AmendmentOptions, AmendmentTerms, OrderTotals, Quote, QuoteRequest
from checkout.errors import PriceRecordUnreadable, as_conflict
from checkout.models import Redemption, RedemptionItem
from checkout.services import events
from checkout.services.amended_items import ItemChange, ItemKey, exchange_items
from checkout.services.quotes import price
from checkout.services.rejections import reject_candidate
from checkout.services.reservations import MAX_BALANCE_CHANGES, check_expected_total
from checkout.services.transitions import purchases_by_kind
from core import db
from core.errors import Busy, InvalidRequest, PermissionDenied
from core.metadata import merge_metadata
from redemptions import identities, purchases
from redemptions.balances.selectors import load_balances
from redemptions.codes.rules import canonicalize_code
from redemptions.contracts import BalanceChanged, Candidate, OfferUnavailable, Rejection, ReturnedItem
from redemptions.errors import CodeNotFound, InvalidStatus
from redemptions.identities import Identities
from redemptions.statuses import RedemptionStatus


@dataclass(frozen=True, slots=True)
class Amendment:
    """A redemption after an amendment, and the amounts of its order before it."""

    redemption: Redemption
    before: OrderTotals


@transaction.atomic
def amend(
    *,
    redemption: Redemption,
    request: QuoteRequest,
    options: AmendmentOptions,
    acceptance: Acceptance,
    at: datetime,
) -> Amendment:
    """Replace the cart of a confirmed redemption, all or nothing.

    Raises InvalidStatus, InvalidRequest (another currency, or other identities), PriceChanged, the reason of a rejected
    new code (409), that of an offer whose greater discount can't be had, such as BudgetExhausted, and PermissionDenied
    for a greater discount of a brand whose offers the caller may not give.
    """
    locked = selectors.lock_redemption(pk=redemption.pk)
    if locked.status != RedemptionStatus.CONFIRMED:
        raise InvalidStatus(current_status=locked.status)
    if request.cart.currency != locked.currency:
        detail = _("The order is in %(currency)s.") % {"currency": locked.currency}
        raise InvalidRequest.field("currency", detail)
    locked.external_id = locked.external_id if options.external_id is None else options.external_id
    locked.metadata = merge_metadata(locked.metadata, options.metadata)
    before = OrderTotals(locked.subtotal, locked.discount_total, locked.total)
    subtotals = selectors.get_subtotals(locked)
    items = {(item.kind, item.key): item for item in locked.items.order_by("position")}
    if options.terms is AmendmentTerms.CURRENT:
        lock_customer(locked.customer_id)
    completed = _complete(request, options, locked, list(items.values()))
    _check_identities(completed.identities, items.values())
    attempt = _Attempt(locked, items, completed, options, acceptance, at)
    changes: list[ItemChange] | None = None
    while changes is None:
        changes = attempt.run()
    _check_acceptance(changes, acceptance)
    events.append_amendment(locked, changes, subtotals, at=at)
    return Amendment(locked, before)


def _check_acceptance(changes: list[ItemChange], acceptance: Acceptance) -> None:
    """Raise PermissionDenied if a brand whose offers the caller may not give would give more than before."""
    for change in changes:
        is_greater = (change.after or 0) > (change.before or 0)
        if is_greater and not acceptance.accepts(change.item.brand_id, change.item.kind):
            raise PermissionDenied(_("The order would get a greater discount from an offer of another brand."))


def _complete(
    request: QuoteRequest, options: AmendmentOptions, redemption: Redemption, items: list[RedemptionItem]
) -> QuoteRequest:
    """Return the request with the order's reference, and its codes and vouchers where the options name none."""
    codes = tuple(item.code for item in items if item.code and not _is_voucher(item))
    vouchers = tuple(item.code for item in items if item.code and _is_voucher(item))
    return replace(
        request,
        order=redemption.order,
        identities=replace(request.identities, known=identities.load(redemption.identities).known),
        codes=codes if options.codes is None else options.codes,
        vouchers=vouchers if options.vouchers is None else options.vouchers,
    )


def _check_identities(sent: Identities, items: Iterable[RedemptionItem]) -> None:
    """Raise InvalidRequest if other identities are sent than those of the order, for one of its brands."""
    fresh = Identities(sent.sent)
    brand_ids = {*sent.known, *(item.brand_id for item in items)}
    if fresh and any(fresh.list_slots(brand_id) != sent.known.get(brand_id) for brand_id in brand_ids):
        raise InvalidRequest.field("identities", _("The order has other identities."))


def _is_voucher(item: RedemptionItem) -> bool:
    """Return whether a customer chooses the offer by its ID instead of a code."""
    return item.code == item.key


def _canonical(code: str) -> str:
    return canonicalize_code(code) or code


@dataclass(slots=True)
class _Attempt:
    """An attempt to amend a locked redemption, which is repeated without what turns out to be unavailable.

    ``items`` are those that it has. Those that are ``capped`` give no more than now, since their budgets have too
    little left; ``lost`` are new offers that are left out, by reference.
    """

    redemption: Redemption
    items: dict[ItemKey, RedemptionItem]
    request: QuoteRequest
    options: AmendmentOptions
    acceptance: Acceptance
    at: datetime
    capped: set[ItemKey] = field(default_factory=set)
    lost: dict[str, Rejection] = field(default_factory=dict)
    balance_changes: int = 0

    def run(self) -> list[ItemChange] | None:
        """Price the cart and exchange the items. Return None if the attempt must be repeated."""
        is_original = self.options.terms is AmendmentTerms.ORIGINAL
        priced = self._price_as_recorded() if is_original else self._price_now()
        self._check_new_codes(priced)
        check_expected_total(priced, self.options.expect_total)
        kept = {(candidate.kind, candidate.key) for candidate in priced.candidates.values()} if is_original else set()
        try:
            with transaction.atomic():
                return exchange_items(self.redemption, self.items, priced, kept=kept, at=self.at)
        except BalanceChanged as changed:
            self.balance_changes += 1
            if self.balance_changes == MAX_BALANCE_CHANGES:
                raise Busy from changed
            return None
        except OfferUnavailable as unavailable:
            self._leave_out(unavailable, priced)
            return None

    def _price_as_recorded(self) -> Quote:
        """Price the cart with the offers that the order has, as they were when it was priced, and with no others."""
        try:
            record = selectors.get_record(self.redemption)
        except PriceRecordUnreadable as error:
            detail = _("The price of this order can't be repeated. Amend it with the terms `current`.")
            raise InvalidStatus(detail, current_status=self.redemption.status) from error
        codes = {_canonical(code): code for code in (*self.request.codes, *self.request.vouchers)}
        candidates = {}
        for reference, candidate in record.candidates.items():
            key = (candidate.kind, candidate.key)
            if key in self.items and (not candidate.code or _canonical(candidate.code) in codes):
                budgets = {self.redemption.currency: self.items[key].amount} if key in self.capped else {}
                candidates[reference] = replace(
                    candidate, budgets_left=budgets, units_left=None, offer_id=self.items[key].offer_id
                )
        candidates |= self._load_balances(candidates)
        known = {_canonical(candidate.code) for candidate in candidates.values()}
        not_found = CodeNotFound(_("The order doesn't use this code.")).as_dict()
        cart = self.request.cart
        if not cart.customer_attributes:
            cart = replace(cart, customer_attributes=record.cart.customer_attributes)
        return rules.price_methods(
            replace(self.request, cart=cart),
            candidates,
            [Rejection(text, not_found) for code, text in codes.items() if code not in known],
            facts=record.facts,
            profile=record.profile,
            at=record.at or self.redemption.created_at,
        )

    def _load_balances(self, candidates: Mapping[str, Candidate]) -> dict[str, Candidate]:
        """Return the candidates whose codes keep a balance, with what is left now and what the order has taken."""
        balances = load_balances(candidates.values(), at=self.at)
        held = {reference: self.items[candidates[reference].kind, candidates[reference].key] for reference in balances}
        return {
            reference: replace(
                candidates[reference], balance=replace(balance, left=balance.left + held[reference].amount)
            )
            for reference, balance in balances.items()
        }

    def _price_now(self) -> Quote:
        """Price the cart with all offers of now, as if the order had not used any."""
        shopper = shopper_of(self.redemption.customer)
        with db.undone():
            returned = {key: ReturnedItem(item.key, item.amount, True) for key, item in self.items.items()}
            purchases.return_items(purchases_by_kind(self.redemption, self.items.values(), self.at), returned)
            return price(request=self.request, shopper=shopper, acceptance=self.acceptance, at=self.at, lost=self.lost)

    def _check_new_codes(self, priced: Quote) -> None:
        """Raise the reason of the first rejected code that the order didn't have, unless such codes are skipped."""
        known = {_canonical(item.code) for item in self.items.values()}
        for rejection in serialization.iter_rejections(priced):
            if _canonical(rejection.code) not in known and not self.options.skip:
                raise as_conflict(rejection.reason, rejection.code)

    def _leave_out(self, unavailable: OfferUnavailable, priced: Quote) -> None:
        """Note what can't be had for the next attempt, or raise its reason.

        An offer that the order has is capped at its present discount, if the profile lets budgets pay a part. A new one
        is left out, unless it has a code that may not be skipped.
        """
        reference, reason = priced.get_reference(unavailable.item), unavailable.error.as_dict()
        candidate = priced.candidates[reference]
        key = (candidate.kind, candidate.key)
        if key in self.items and priced.profile.budget_overrun == "partial" and key not in self.capped:
            self.capped.add(key)
        elif key not in self.items and (self.options.skip or not candidate.code):
            self.lost[reference] = reject_candidate(candidate, reason)
        else:
            raise as_conflict(reason, candidate.code or candidate.title) from unavailable
