"""Structured logs."""

from core import logs
from promoplatform.settings.environment import DEBUG, env

LOG_REQUESTS = env.bool("LOG_REQUESTS", not DEBUG)
logs.configure()
LOGGING = logs.logging_config(env.str("LOG_LEVEL", "INFO"), pretty=DEBUG)
