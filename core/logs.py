"""Structured JSON logs without secrets."""

import logging
import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET = re.compile(r"password|secret|token|authorization|api.?key|cookie", re.IGNORECASE)
_CREDENTIAL = re.compile(r"\b(Bearer|Api-Key|Basic)\s+[^\s'\",]+", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(\w://[^\s/:@]*:)[^\s/@]+@")


def redact_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Redact values whose name looks like a secret, and credentials within text, at any depth."""
    for name, value in event.items():
        if not name.startswith("_"):  # internal to structlog
            event[name] = _redact(name, value)
    return event


def _redact(name: str, value: Any) -> Any:
    if _SECRET.search(name):
        return "[hidden]"
    if isinstance(value, str):
        return _URL_PASSWORD.sub(r"\1[hidden]@", _CREDENTIAL.sub(r"\1 [hidden]", value))
    if isinstance(value, dict):
        return {key: _redact(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redact("", item) for item in value]
    return value


def drop_traceback(record: logging.LogRecord) -> bool:
    """Log a record without its traceback. Anybody can send a foreign Host, which happens at one known place."""
    record.exc_info = None
    return True


SHARED_PROCESSORS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    redact_secrets,
]


def configure() -> None:
    """Configure structlog to write through the standard library, so that all lines have one format."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logging_config(level: str, *, pretty: bool) -> dict[str, Any]:
    """Return the ``LOGGING`` setting: JSON lines, or with ``pretty`` readable lines for development."""
    renderer = structlog.dev.ConsoleRenderer(colors=False) if pretty else structlog.processors.JSONRenderer()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structlog": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                "foreign_pre_chain": SHARED_PROCESSORS,
            }
        },
        "filters": {"drop_traceback": {"()": lambda: drop_traceback}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structlog"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"filters": ["drop_traceback"]},
            "django.server": {"level": "WARNING"},
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
        },
    }
