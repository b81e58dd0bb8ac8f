"""Structured JSON logs without secrets."""

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET = re.compile(r"password|secret|token|authorization|api.?key|cookie", re.IGNORECASE)
_CREDENTIAL = re.compile(r"\b(Bearer|Api-Key|Basic)\s+[^\s'\",]+", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(\w://[^\s/:@]*:)[^\s/@]+@")


def redact_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Blank what is named like a secret, and credentials inside text, however deep."""
    for name, value in event.items():
        if not name.startswith("_"):  # the logging library's own
            event[name] = _redact(name, value)
    return event


def _redact(name: str, value: Any) -> Any:
    if _SECRET.search(name):
        return "[hidden]"
    if isinstance(value, str):
        return _URL_PASSWORD.sub(r"\1[hidden]@", _CREDENTIAL.sub(r"\1 [hidden]", value))
    if isinstance(value, dict):
        return {inner: _redact(str(inner), it) for inner, it in value.items()}
    if isinstance(value, list | tuple):
        return [_redact("", it) for it in value]
    return value


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
    """Send structlog through the standard library, so that every line has one shape."""
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
    """The LOGGING setting: JSON lines, or readable ones while developing."""
    renderer = structlog.dev.ConsoleRenderer(colors=False) if pretty else structlog.processors.JSONRenderer()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "house": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                "foreign_pre_chain": SHARED_PROCESSORS,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "house"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "WARNING"},
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
        },
    }
