"""Clients that repeat a request until there is a response."""

import time
from collections import Counter

from tests.platform import Platform, Response

MAX_TRIES = 600
RETRYABLE_CODES = {"idempotency_in_progress", "busy"}  # the only refusals that a retry may meet


def send_until_response(
    platform: Platform, path: str, body: object, key: str, credentials: str
) -> tuple[Response, int]:
    """Repeat a request with the same key until there is a response. Return it and the number of lost connections."""
    disconnects = 0
    rejections: Counter[str] = Counter()
    for _ in range(MAX_TRIES):
        response = platform.post(path, body, credentials, **{"Idempotency-Key": key})
        if response.status and not (response.status == 409 and response.json()["code"] in RETRYABLE_CODES):
            return response, disconnects
        disconnects += not response.status
        rejections[response.json()["code"] if response.status else "cut off"] += 1
        time.sleep(0.1)
    raise AssertionError(f"no answer to {path} after {rejections}\n{platform.log('web')}")
