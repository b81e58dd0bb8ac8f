"""Clients that do not give up."""

import time
from collections import Counter

from tests.platform import Answer, Platform

TRIES = 600
AGAIN = {"idempotency_in_progress", "busy"}  # the only refusals that a retry may meet


def sent_until_answered(running: Platform, path: str, body: object, key: str, credentials: str) -> tuple[Answer, int]:
    """What a careful client gets: the same request and key until there is an answer; and how often it was cut off."""
    cut = 0
    seen: Counter[str] = Counter()
    for _ in range(TRIES):
        answer = running.post(path, body, credentials, **{"Idempotency-Key": key})
        if answer.status and not (answer.status == 409 and answer.json()["code"] in AGAIN):
            return answer, cut
        cut += not answer.status
        seen[answer.json()["code"] if answer.status else "cut off"] += 1
        time.sleep(0.1)
    raise AssertionError(f"no answer to {path} after {seen}\n{running.log('web')}")
