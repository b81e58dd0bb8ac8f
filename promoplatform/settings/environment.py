"""The environment that the settings are read from: variables, or a .env file beside manage.py (see .env.example)."""

import warnings
from pathlib import Path
from typing import Any

from environs import Env, validate

BASE_DIR = Path(__file__).resolve().parents[2]
env = Env()
env.read_env(str(BASE_DIR / ".env"), recurse=False)

DEBUG = env.bool("DEBUG", False)
BASE_URL = env.str("BASE_URL", f"http://127.0.0.1:{env.int('PORT', 8000)}").rstrip("/")
HTTPS = BASE_URL.startswith("https://")
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0, validate=validate.Range(0))


def read_renamed(read: Any, name: str, old_name: str, default: Any) -> Any:
    """Read ``name`` with a reader of ``env``; fall back to ``old_name`` with a warning, then to ``default``.

    The fallback goes away one release after the rename.
    """
    if env.str(old_name, None) is None or env.str(name, None) is not None:
        return read(name, default)
    warnings.warn(f"The environment variable {old_name} was renamed to {name}.", FutureWarning, stacklevel=2)
    return read(old_name, default)
