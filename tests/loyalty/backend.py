"""Backend of loyalty rewards: the whole of what a kind has to implement."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from core.errors import DomainError
from pricing import parse_offer
from redemptions.amendments import exchange_items
from redemptions.codes.models import Code
from redemptions.contracts import (
    AmendedItem,
    AvailabilityQuery,
    Candidate,
    CandidateQuery,
    CodeOffer,
    CodeStatus,
    CustomerMove,
    LimitedOffer,
    OfferUnavailable,
    Purchase,
    RedemptionBackend,
    Rejection,
    ReturnedItem,
)
from redemptions.errors import CodeAlreadyUsed, CodeInactive, ReservationExpired
from redemptions.lifecycle import find_status_error, status_condition
from redemptions.statuses import UPCOMING_OR_ACTIVE, OfferStatus
from redemptions.uses.selectors import get_code_statuses, get_remaining, restrict_available, restrict_offer
from tests.loyalty.models import LoyaltyReward, RewardUse

TEN_PERCENT = parse_offer({"benefits": [{"kind": "percent", "value": "10", "on": "order"}]})


class LoyaltyBackend:
    """``RedemptionBackend`` and ``CodeBackend`` of loyalty rewards."""

    KIND = "loyalty_reward"

    # --- reads -------------------------------------------------------------------------------------------------------
    def candidates(self, *, query: CandidateQuery) -> list[Candidate | Rejection]:
        """Return for each code its reward, or a rejection. Runs two queries, none without codes."""
        if not query.codes:
            return []
        codes = Code.objects.in_bulk(list(query.codes))
        rewards = self._rewards(query.shopper.id if query.shopper else None, query.at)
        by_id = rewards.in_bulk([code.offer for code in codes.values()])
        limits = {reward.pk: reward.limits for reward in by_id.values()}
        customer = query.shopper.id if query.shopper else None
        left = get_remaining(offers=list(limits.values()), at=query.at, customer=customer, identities=query.identities)
        return [
            restrict_offer(
                self._decide(by_id[code.offer], code, query.at),
                limits[code.offer],
                left,
                currency=query.cart.currency,
            )
            for code in codes.values()
        ]

    def _rewards(self, customer: int | None, at: datetime) -> QuerySet[LoyaltyReward]:
        return LoyaltyReward.objects.select_related("brand").annotate(is_used=self._is_used(customer, at))

    def _is_used(self, customer: int | None, at: datetime) -> Exists:
        uses = RewardUse.objects.filter(Q(reserved_until=None) | Q(reserved_until__gt=at), customer_id=customer or -1)
        return Exists(uses.filter(reward=OuterRef("pk")))

    def _decide(self, reward: LoyaltyReward, code: Code, at: datetime) -> Candidate | Rejection:
        error: DomainError | None = find_status_error(reward.status_at(at))
        if not reward.brand.is_active:
            error = CodeInactive()
        elif error is None and (
            reward.is_used  # type: ignore[attr-defined]
            or get_code_statuses(offer=reward.pk, codes=[code.text], at=at)
        ):
            error = CodeAlreadyUsed()
        if error is not None:
            return Rejection(code.text, error.as_dict(), self.KIND, reward.pk, reward.brand_id)
        return self._to_candidate(reward, code.text)

    def _to_candidate(self, reward: LoyaltyReward, code: str) -> Candidate:
        return Candidate(
            kind=self.KIND, id=str(reward.pk), key=str(reward.pk), code=code, title=reward.name,
            brand_id=reward.brand_id, brand=reward.brand.slug, timezone=reward.brand.timezone, offer=TEN_PERCENT,
            order=int(reward.created_at.timestamp()), offer_id=reward.pk, currency=reward.brand.currency,
        )  # fmt: skip

    def available(self, *, query: AvailabilityQuery) -> list[Candidate]:
        """Return the active rewards that the shopper hasn't used."""
        rewards = LoyaltyReward.objects.select_related("brand").filter(status_condition(OfferStatus.ACTIVE, query.at))
        if query.brands:
            rewards = rewards.filter(brand__slug__in=query.brands)
        unused = rewards.filter(~self._is_used(query.shopper.id, query.at), brand__is_active=True)
        newest = unused.order_by("-pk")[: query.limit]
        return restrict_available([(self._to_candidate(reward, ""), reward.limits) for reward in newest], query=query)

    def offer_names(self, *, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
        """Return the names of rewards by ID."""
        return dict(LoyaltyReward.objects.filter(pk__in=offers).values_list("pk", "name"))

    def active_items(self, *, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool]:
        """Return the uses of the purchases, and whether each is confirmed."""
        uses = RewardUse.objects.filter(redemption_id__in=[purchase.id for purchase in purchases])
        return {(use.redemption_id, str(use.reward_id)): use.reserved_until is None for use in uses}

    def returned_amounts(self, *, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], int]:
        """Return nothing: a reward keeps no discounts."""
        return {}

    # --- writes ------------------------------------------------------------------------------------------------------
    def lock_offers(self, *, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, LimitedOffer]:
        """Lock rewards against changes of their limits, and return them: each redemption has a use."""
        locked = LoyaltyReward.objects.select_related("brand").select_for_update(of=("self",)).order_by("pk")
        return {
            reward.pk: replace(reward.limits, counts_codes=True, counts_all=True)
            for reward in locked.filter(pk__in=offers)
        }

    def record_uses(self, *, offer: uuid.UUID) -> None:
        """Do nothing: each redemption has a use from its beginning."""

    def reserve(self, *, purchase: Purchase) -> dict[uuid.UUID, LimitedOffer]:
        """Reserve the rewards; the unique constraint decides who is first. Raises OfferUnavailable."""
        limited = self.lock_offers(offers=[item.offer_id for item in purchase.items])
        rewards = sorted(uuid.UUID(item.key) for item in purchase.items)
        expired = RewardUse.objects.filter(customer_id=purchase.shopper_key, reserved_until__lte=purchase.at)
        expired.filter(reward_id__in=rewards).delete()
        uses = [
            RewardUse(
                reward_id=reward, customer_id=purchase.shopper_key, redemption_id=purchase.id,
                reserved_until=purchase.until,
            )
            for reward in rewards
        ]  # fmt: skip
        RewardUse.objects.bulk_create(uses, ignore_conflicts=True)
        own = set(self._of(purchase).values_list("reward_id", flat=True))
        for item in purchase.items:
            if uuid.UUID(item.key) not in own:
                raise OfferUnavailable(item, CodeAlreadyUsed())
        return limited

    def confirm(self, *, purchase: Purchase) -> None:
        """Confirm the uses. Raises ReservationExpired."""
        reserved = self._of(purchase).filter(reserved_until__gt=purchase.at)
        if reserved.update(reserved_until=None) != len(purchase.items):
            raise ReservationExpired

    def release(self, *, purchase: Purchase) -> None:
        """Release the uses that are not confirmed."""
        self._of(purchase).filter(reserved_until__isnull=False).delete()

    def return_items(self, *, purchase: Purchase, returned: Sequence[ReturnedItem]) -> None:
        """Return the uses, so that the customer can use the rewards again."""
        rewards = [uuid.UUID(item.key) for item in returned if item.is_use_returned]
        self._of(purchase).filter(reserved_until=None, reward_id__in=rewards).delete()

    def amend_items(self, *, purchase: Purchase, amended: Sequence[AmendedItem]) -> None:
        """Return removed rewards and use new ones. Raises OfferUnavailable."""
        exchange_items(
            purchase=purchase, amended=amended, return_items=self.return_items, reserve=self.reserve,
            confirm=self.confirm,
        )  # fmt: skip

    def move_customer(self, *, move: CustomerMove) -> Sequence[tuple[uuid.UUID, uuid.UUID]]:
        """Make the uses of a customer those of another one, except of rewards that both have used."""
        own = RewardUse.objects.filter(reward=OuterRef("reward"), customer_id=move.target)
        uses = RewardUse.objects.filter(customer_id=move.source, redemption_id__in=list(move.orders))
        uses.filter(~Exists(own), reward__brand=move.brand_id).update(customer_id=move.target)
        return ()

    def _of(self, purchase: Purchase) -> QuerySet[RewardUse]:
        rewards = [uuid.UUID(item.key) for item in purchase.items]
        return RewardUse.objects.filter(redemption_id=purchase.id, reward_id__in=rewards)

    # --- codes -------------------------------------------------------------------------------------------------------
    def describe_code_offers(self, *, offers: Collection[uuid.UUID], at: datetime) -> Mapping[uuid.UUID, CodeOffer]:
        """Return the rewards with these IDs."""
        rewards = LoyaltyReward.objects.select_related("brand").filter(pk__in=offers)
        return {
            reward.pk: CodeOffer(
                reward.pk, reward.brand_id, reward.name, "", reward.start_date, reward.end_date, reward.status_at(at),
                is_live=reward.brand.is_active and reward.status_at(at) in UPCOMING_OR_ACTIVE, url="",
            )
            for reward in rewards
        }  # fmt: skip

    def get_code_statuses(self, *, offer: uuid.UUID, codes: Collection[str], at: datetime) -> Mapping[str, CodeStatus]:
        """Return the statuses of the single-use codes that uses note."""
        return get_code_statuses(offer=offer, codes=codes, at=at)


backend: RedemptionBackend = LoyaltyBackend()
