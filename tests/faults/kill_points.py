"""Kill points: a test kills one process at a step by a file in the directory ``KILL_DIR``, named by its process ID.

``KILL_STEP`` names the step.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

CLAIM_SQL = "FROM vouchers_campaign c"  # near the start, so that PostgreSQL shows it


def kill_if_marked(step: str) -> None:
    """Kill this process with SIGKILL if the step matches and its file exists."""
    if os.environ.get("KILL_STEP") == step:
        with suppress(FileNotFoundError):
            Path(os.environ["KILL_DIR"], str(os.getpid())).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
