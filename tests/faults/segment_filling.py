"""Worker that only processes due segments, made to be killed: ``python -m tests.faults.segment_filling``."""

import time

import django

django.setup()

from django.utils import timezone  # noqa: E402

from segments import services  # noqa: E402

while True:
    services.process_queue(at=timezone.now())
    time.sleep(0.05)
