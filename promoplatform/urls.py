"""URLs of the platform."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from accounts.adapters import require_fresh_sign_in
from accounts.admin import sessions
from accounts.views import PasswordResetRequestPage
from backoffice.pages import audit_log, navigation, redemption_details, redemption_search
from checkout.api.customers import CustomerView
from checkout.api.merges import CustomerMergeView
from checkout.api.simulate import SimulateView
from core import api, error_catalog
from core.routes import answer_verb_or_object
from coupons.admin import reports
from promoplatform import metrics
from promoplatform.api_document import DocumentView
from promotions.api.attributes import AttributesView, AttributeView
from vouchers.api.events import LoginEventsView
from vouchers.api.login import CampaignLoginView

DOCUMENTATION = SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=["get", "head"])

urlpatterns = [
    path("metrics", metrics.metrics, name="metrics"),
    path("api/schema/", DocumentView.as_view(), name="schema"),
    path("api/docs/", DOCUMENTATION, name="docs"),
    path("api/errors/", error_catalog.error_list, name="errors"),
    path("api/errors/<str:code>", error_catalog.error_detail, name="error"),
    path("api/internal/v1/", include("segments.api.urls")),
    path("api/internal/v1/login-events/", LoginEventsView.as_view(), name="login-events"),
    path("api/v1/", include("accounts.api.urls")),
    path("api/v1/", include("discounts.api.urls")),
    path("api/v1/", include("vouchers.api.urls")),
    path("api/login-campaign", CampaignLoginView.as_view(), name="login-campaign"),
    path("api/v1/promotions/simulate/", SimulateView.as_view(), name="promotion-simulate"),
    path("api/v1/promotions/", include("promotions.api.urls")),
    path("api/v1/attributes/", AttributesView.as_view(), name="attribute-list"),
    path("api/v1/attributes/<uuid:pk>/", AttributeView.as_view(), name="attribute"),
    path("api/v1/coupons/", include("coupons.api.urls")),
    path("api/v1/", include("redemptions.urls")),
    path("api/v1/checkout/", include("checkout.api.urls")),
    path(
        "api/v1/customers/merge/",
        answer_verb_or_object(CustomerMergeView, CustomerView, customer_id="merge"),
        name="customer-merge",
    ),
    path("api/v1/customers/<path:customer_id>/", CustomerView.as_view(), name="customer"),
    re_path(r"^api/", api.not_found),
    path("", include("mailings.urls")),
    path("accounts/", include("accounts.urls")),
    path("admin/search/", admin.site.admin_view(navigation.search)),
    path("admin/coupons/report/", admin.site.admin_view(reports.page), name="coupon-report-page"),
    path("admin/coupons/report/csv/", admin.site.admin_view(reports.export), name="coupon-report-csv"),
    path(
        "admin/redemptions/",
        admin.site.admin_view(redemption_search.redemption_search_page),
        name="redemption-search",
    ),
    path(
        "admin/redemptions/export/",
        admin.site.admin_view(require_fresh_sign_in(redemption_search.redemption_export)),
        name="redemption-export",
    ),
    path(
        "admin/redemptions/<uuid:event>/",
        admin.site.admin_view(redemption_details.redemption_detail_page),
        name="redemption-detail",
    ),
    path(
        "admin/redemptions/<uuid:event>/<str:action>/",
        admin.site.admin_view(redemption_details.redemption_action_page),
        name="redemption-action",
    ),
    path("admin/sessions/", admin.site.admin_view(sessions.sessions_page), name="staff-sessions"),
    path(
        "admin/sessions/end/",
        admin.site.admin_view(sessions.sign_out_all),
        name="staff-sessions-end",
    ),
    path(
        "admin/sessions/<slug:number>/end/",
        admin.site.admin_view(sessions.sign_out_session),
        name="staff-session-end",
    ),
    path("admin/password-reset/", PasswordResetRequestPage.as_view(), name="admin_password_reset"),
    path("admin/log/", admin.site.admin_view(audit_log.audit_log_page), name="audit"),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]


handler500 = "core.api.server_error"
handler404 = "core.api.not_found"
handler400 = "core.api.bad_request"
