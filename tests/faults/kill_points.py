"""How a trial asks one process to die at a step: by a file in the folder ``DOOMED``, named by the process's number.

``DIE_AT`` names the step.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

CLAIM = "FROM vouchers_campaign c"  # early enough in the text for PostgreSQL to show it


def die_if_asked(step: str) -> None:
    """End this process as SIGKILL does."""
    if os.environ.get("DIE_AT") == step:
        with suppress(FileNotFoundError):
            Path(os.environ["DOOMED"], str(os.getpid())).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
