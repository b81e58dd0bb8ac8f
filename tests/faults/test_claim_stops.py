"""Web is stopped as an update stops it while a crowd comes: who was let in is answered, waiting batches are drained.

An answer that was lost would show: who asks again hears ``already_logged_in``. Nobody does.
"""

import os
import random
import signal
from collections import Counter
from typing import Any

import pytest

from tests.faults.load_clients import Crowd
from tests.faults.runner import QUOTA, SHOPPERS, Trials, oldest, web

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def long_tokens(settings: Any) -> None:
    settings.ACCESS_TOKEN_MINUTES = 120


def first_answers(crowd: Crowd) -> Counter[str]:
    return Counter(one.result for one in crowd.told.values())


@pytest.mark.parametrize("batching", [True, False])
def test_web_stopped_and_started_again_loses_no_answer(batching: bool) -> None:
    dice = random.Random(4)
    with web(batching=batching) as parts:
        trials = Trials(parts, f"web stopped by SIGTERM, {'batches' if batching else 'single statements'}")
        for _ in range(8):
            oldest(parts)  # it is up
            crowd = trials.burst(lambda _: os.kill(parts.parts["web"].pid, signal.SIGTERM), after=dice.randint(0, 250))
            assert first_answers(crowd) == {"voucher_granted": QUOTA, "campaign_full": SHOPPERS - QUOTA}
        assert trials.score.cut
        trials.judge()
