"""Django REST framework, request limits and the OpenAPI document."""

from environs import validate

from promoplatform.settings.environment import env

BODY_LIMIT = 1024 * 1024
SHOPPER_CART_LIMIT = 32 * 1024  # of a body with a cart of a shopper
BULK_PATHS = ("/api/internal/v1/audiences/", "/api/internal/v1/login-events/")
BULK_SUFFIXES = ("/batches/import/",)
COMPRESSED_PATHS = ("/api/internal/v1/audiences/",)  # whose views read bodies with a Content-Encoding
IMPORT_LIMIT = 256 * 1024 * 1024
AUDIENCE_BODY_LIMIT = 16 * 1024 * 1024  # of a JSON document with an audience; streams may be of any length
LOGIN_EVENTS_LIMIT = 4 * 1024 * 1024  # of a body with login events
HOT_PATHS = ("/api/v1/checkout/", "/api/v1/discountcodeusage/", "/api/login-campaign")
HOT_SUFFIXES = ("/first-login/",)
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024  # below /api/ the limit above comes first
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.BearerAuthentication",
        "accounts.api.authentication.ApiKeyAuthentication",
        "accounts.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "accounts.api.permissions.HasKeyScope",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.api.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["core.throttle.CallerThrottle"],
    "DEFAULT_PAGINATION_CLASS": "core.api.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "core.openapi.ProblemAutoSchema",
    "EXCEPTION_HANDLER": "core.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DATETIME_FORMAT": "iso-8601",
}
THROTTLES = {
    "api": env.str("THROTTLE_API", "1200/minute"),
    "key_checkout": env.str("THROTTLE_KEY_CHECKOUT", "600/second"),
    "login_account": env.str("THROTTLE_LOGIN_ACCOUNT", "10/minute closed"),
    "login_address": env.str("THROTTLE_LOGIN_ADDRESS", "60/minute closed"),
    "second_factor": env.str("THROTTLE_SECOND_FACTOR", "20/hour closed"),
    "register": env.str("THROTTLE_REGISTER", "20/hour closed"),
    "invitation": env.str("THROTTLE_INVITATION", "50/hour closed"),
    "account_mail": env.str("THROTTLE_ACCOUNT_MAIL", "5/hour closed"),
    "cart_code_miss": env.str("THROTTLE_CART_CODE_MISS", "30/minute"),
    "key_code_miss": env.str("THROTTLE_KEY_CODE_MISS", "600/minute"),
    "address_code_miss": env.str("THROTTLE_ADDRESS_CODE_MISS", "120/minute"),
    "brand_code_miss": env.str("THROTTLE_BRAND_CODE_MISS", "1200/minute"),
    "code_miss": env.str("THROTTLE_CODE_MISS", "10/minute closed"),
    "privacy": env.str("THROTTLE_PRIVACY", "60/minute"),
    "report": env.str("THROTTLE_REPORT", "120/minute"),
    "simulate_large": env.str("THROTTLE_SIMULATE_LARGE", "20/minute"),
    "webhook": env.str("THROTTLE_WEBHOOK", "6000/minute"),
}
CONCURRENCY_LIMITS = {  # of costly operations at once, of each brand
    "document": env.int("CONCURRENCY_DOCUMENT", 4, validate=validate.Range(1)),
    "export": env.int("CONCURRENCY_EXPORT", 4, validate=validate.Range(1)),
    "import": env.int("CONCURRENCY_IMPORT", 4, validate=validate.Range(1)),
    "report": env.int("CONCURRENCY_REPORT", 8, validate=validate.Range(1)),
    "simulation": env.int("CONCURRENCY_SIMULATION", 4, validate=validate.Range(1)),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "promoplatform",
    "DESCRIPTION": "Promotions, discount codes, coupons and vouchers, redeemed at one checkout.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "redemptions.api.offer_fields.add_definitions",
    ],
    "SCHEMA_PATH_PREFIX": "/api/(v1|internal/v1)",
    "ENUM_NAME_OVERRIDES": {
        "OfferStatus": "redemptions.statuses.OfferStatus",
        "RedemptionStatus": "redemptions.statuses.RedemptionStatus",
        "OfferKind": "accounts.api.serializers.KINDS",
        "KeyScope": "accounts.api.key_serializers.SCOPES",
        "BrandKeyScope": "accounts.api.key_serializers.SCOPES_OF_BRANDS",
        "AttributeType": "promotions.models.AttributeType",
        "NewOfferStatus": ["draft", "scheduled"],
        "CodeStatus": "redemptions.codes.api.serializers.CODE_STATUSES",
        "JobStatus": "redemptions.codes.api.batch_serializers.JOB_STATUSES",
    },
}
