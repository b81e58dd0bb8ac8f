"""Web is stopped, as in an update, during many first logins: accepted requests are answered and batches are drained.

A lost response would show: a repeated request gets ``already_logged_in``. None does.
"""

import os
import random
import signal
from collections import Counter
from typing import Any

import pytest

from tests.faults.load_clients import LoadClients
from tests.faults.runner import QUOTA, SHOPPERS, TrialRun, oldest_worker, web

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def long_tokens(settings: Any) -> None:
    settings.ACCESS_TOKEN_MINUTES = 120


def count_results(clients: LoadClients) -> Counter[str]:
    return Counter(response.result for response in clients.responses.values())


@pytest.mark.parametrize("batching", [True, False])
def test_web_stopped_and_restarted_loses_no_response(batching: bool) -> None:
    rng = random.Random(4)
    with web(batching=batching) as system:
        run = TrialRun(system, f"web stopped by SIGTERM, {'batches' if batching else 'single statements'}")
        for _ in range(8):
            oldest_worker(system)  # wait until web runs
            clients = run.run_trial(
                lambda _: os.kill(system.processes["web"].pid, signal.SIGTERM), after=rng.randint(0, 250)
            )
            assert count_results(clients) == {"voucher_granted": QUOTA, "campaign_full": SHOPPERS - QUOTA}
        assert run.score.disconnected
        run.check_results()
