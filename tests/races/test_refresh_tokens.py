"""A refresh token is used once, however many requests carry it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from accounts import services
from accounts.models import TokenFamily
from tests.factories import ShopperFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def test_concurrent_uses_of_a_refresh_token_give_tokens_once(run_concurrently: RunConcurrently) -> None:
    token, at = services.tokens_for(user=ShopperFactory(), at=timezone.now()).refresh, timezone.now()

    results = run_concurrently(lambda _: services.refresh(token=token, at=at), range(20))

    assert Counter(type(result).__name__ for result in results) == {"Tokens": 1, "TokenReused": 19}
    family = TokenFamily.objects.get()
    assert (family.generation, family.ended_at is not None) == (1, True)


def test_looking_before_the_update_would_give_tokens_twice(run_concurrently: RunConcurrently) -> None:
    services.tokens_for(user=ShopperFactory(), at=timezone.now())

    def use(_: int) -> bool:
        is_unused = TokenFamily.objects.filter(generation=0, ended_at=None).exists()
        if is_unused:
            TokenFamily.objects.update(generation=F("generation") + 1)
        return is_unused

    trials = []
    for _ in range(10):
        TokenFamily.objects.update(generation=0)
        trials.append(sum(run_concurrently(use, range(8))))
    assert max(trials) > 1
