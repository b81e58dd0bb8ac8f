"""The broker, the workers and the schedule of periodic tasks."""

from celery.schedules import crontab

from promoplatform.settings.database import REDIS_URL
from promoplatform.settings.environment import env

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", REDIS_URL.replace("unix://", "redis+socket://"))
CELERY_TASK_IGNORE_RESULT = True
# not REJECT_ON_WORKER_LOST: a task that kills its worker would come back at once, and for ever (see HouseTask)
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_TASK_TIME_LIMIT, CELERY_TASK_SOFT_TIME_LIMIT = 600, 540
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "core.beat:SingletonScheduler"
CELERY_BEAT_SCHEDULE = {
    "relay outbox": {"task": "core.relay_outbox", "schedule": 5.0, "options": {"expires": 30}},
    "record heartbeat": {"task": "core.record_heartbeat", "schedule": 30.0, "options": {"expires": 60}},
    "purge idempotency keys": {
        "task": "core.purge_idempotency_keys",
        "schedule": crontab(minute="17"),
        "options": {"expires": 3600},
    },
    "purge sign-ins": {
        "task": "accounts.purge_sign_ins",
        "schedule": crontab(hour="3", minute="41"),
        "options": {"expires": 3600},
    },
    "run erasures": {"task": "accounts.run_erasures", "schedule": 15.0, "options": {"expires": 15}},
    "extend audit chain": {"task": "accounts.extend_audit_chain", "schedule": 60.0, "options": {"expires": 60}},
    "report guesses": {"task": "accounts.report_guesses", "schedule": 60.0, "options": {"expires": 60}},
    "send due mails": {"task": "mailings.send_due", "schedule": 60.0, "options": {"expires": 60}},
    "purge mail events": {
        "task": "mailings.purge_events",
        "schedule": crontab(hour="3", minute="23"),
        "options": {"expires": 3600},
    },
    "announce started codes": {"task": "discounts.announce_started", "schedule": 60.0, "options": {"expires": 60}},
    "send usage digests": {"task": "discounts.send_usage_digests", "schedule": 60.0, "options": {"expires": 60}},
    "create usage partitions": {
        "task": "discounts.create_partitions",
        "schedule": crontab(hour="3", minute="11"),
        "options": {"expires": 3600},
    },
    "expire coupon reservations": {"task": "coupons.expire_due", "schedule": 20.0, "options": {"expires": 60}},
    "maintain pools": {"task": "redemptions.maintain_pools", "schedule": 60.0, "options": {"expires": 60}},
    "recount approximate limits": {
        "task": "redemptions.recount_approximate",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "recount approximate coupons": {
        "task": "coupons.recount_approximate",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "create coupon partitions": {
        "task": "coupons.create_partitions",
        "schedule": crontab(hour="3", minute="13"),
        "options": {"expires": 3600},
    },
    "report offers": {"task": "redemptions.report_offers", "schedule": 15.0, "options": {"expires": 15}},
    "report budgets": {"task": "redemptions.report_budgets", "schedule": 60.0, "options": {"expires": 60}},
    "start due promotions": {"task": "promotions.start_due", "schedule": 15.0, "options": {"expires": 15}},
    "end due promotions": {"task": "promotions.end_due", "schedule": 15.0, "options": {"expires": 15}},
    "maintain event partitions": {
        "task": "redemptions.maintain_event_partitions",
        "schedule": crontab(hour="3", minute="19"),
        "options": {"expires": 3600},
    },
    "roll up events": {"task": "redemptions.roll_up_events", "schedule": 60.0, "options": {"expires": 60}},
    "check results": {"task": "redemptions.check_results", "schedule": crontab(hour="4", minute="9")},
    "purge old redemptions": {"task": "coupons.purge_old_months", "schedule": crontab(hour="4", minute="37")},
    "process due segments": {"task": "segments.process_queue", "schedule": 15.0, "options": {"expires": 15}},
    "expire vouchers": {"task": "vouchers.expire_vouchers", "schedule": 60.0, "options": {"expires": 60}},
    "release expired reservations": {"task": "checkout.release_expired", "schedule": 20.0, "options": {"expires": 60}},
    "refresh audiences": {"task": "checkout.refresh_audiences", "schedule": 60.0, "options": {"expires": 60}},
    "purge uploads": {"task": "segments.purge_uploads", "schedule": crontab(hour="4", minute="47")},
    "sync segments": {"task": "segments.sync_due", "schedule": 30.0, "options": {"expires": 30}},
    "sync promotions": {"task": "promotions.sync_due", "schedule": 30.0, "options": {"expires": 30}},
}
OUTBOX_NOTIFY = True
KAFKA_BOOTSTRAP_SERVERS = env.str("KAFKA_BOOTSTRAP_SERVERS", "")
KAFKA_OPTIONS: dict[str, str] = env.dict("KAFKA_OPTIONS", {})
