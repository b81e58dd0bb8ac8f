"""PostgreSQL, Redis, and how concurrent requests share their statements."""

from promoplatform.devserver import embedded
from promoplatform.settings.environment import env, read_renamed

_EMBEDDED = embedded.urls() if embedded.exists() else {}
DATABASE_URL = env.str("DATABASE_URL", _EMBEDDED.get("DATABASE_URL", "postgresql://promo@127.0.0.1:5432/promo"))
REDIS_URL = env.str("REDIS_URL", _EMBEDDED.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
DATABASES = {"default": env.dj_db_url("DATABASE_URL", DATABASE_URL)}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0,
    "CONN_HEALTH_CHECKS": True,
    "DISABLE_SERVER_SIDE_CURSORS": True,
    "OPTIONS": {
        "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL", 4), "timeout": 5},
        "options": (
            f"-c statement_timeout={env.int('STATEMENT_TIMEOUT_MS', 10_000)} -c lock_timeout=2000"
            " -c idle_in_transaction_session_timeout=30000"
        ),
    },
}
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "promo:cache",
        # What the cache holds can be read elsewhere, so pages work without Redis.
        "OPTIONS": {"IGNORE_EXCEPTIONS": True, "SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
    }
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
BATCHING = env.bool("BATCHING", True)
BATCH_MAX_QUEUE: int = read_renamed(env.int, "BATCH_MAX_QUEUE", "BATCH_QUEUE", 1000)
BATCH_TIMEOUT_SECONDS: float = read_renamed(env.float, "BATCH_TIMEOUT_SECONDS", "BATCH_DEADLINE", 2.0)
COUPON_PROCESSES = env.int("COUPON_PROCESSES", env.int("WEB_WORKERS", 2))
WEB_THREADS = env.int("WEB_THREADS", 16)
COUPON_THREADS = WEB_THREADS
POOL_BUILD_HOURS: str = read_renamed(env.str, "POOL_BUILD_HOURS", "COUPON_POOL_HOURS", "")
