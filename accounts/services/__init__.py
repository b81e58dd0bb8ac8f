"""Services of accounts for other apps and entry points."""

from accounts.services.addresses import (
    RESET_SENT,
    answer_registration,
    request_password_reset,
    reset_password,
    send_password_reset,
    user_to_reset,
    user_to_verify,
    verify_address,
)
from accounts.services.api_keys import (
    announce_key,
    authenticate_api_key,
    issue_key,
    request_key_review,
    revoke_key,
    roll_key,
)
from accounts.services.audit import record_access
from accounts.services.audit_chain import extend_chain
from accounts.services.authentication import (
    check_credentials,
    end_session,
    purge_sign_ins,
    refresh,
    sign_in,
    sign_out,
    sign_out_everywhere,
    tokens_for,
)
from accounts.services.brand_names import check_brand_name
from accounts.services.customers import get_or_create_customer, get_or_create_customers
from accounts.services.erasures import (
    request_account_erasure,
    request_customer_erasure,
    request_erasure,
    run_erasures,
)
from accounts.services.exports import Export, export_account, export_customer
from accounts.services.grants import create_grant, end_grant
from accounts.services.guess_alarms import announce_guesses, note_guesses, report_guesses
from accounts.services.identity_providers import (
    FACTOR_FIRST,
    Identity,
    check_sign_in_settings,
    check_sign_on,
    delete_provider,
    find_staff,
    save_provider,
)
from accounts.services.merges import RecordedMerge, record_merge
from accounts.services.profiles import ConsentRecord, ProfileFields, save_profile
from accounts.services.registration import add_customer, change_user, create_account, register
from accounts.services.second_factors import (
    announce_factor,
    encrypt_again,
    end_other_sign_ins,
    reset_second_factor,
    send_factor_notice,
    sign_in_with_code,
    use_code,
)
from accounts.services.shopper_issuers import end_shopper_tokens, find_customer, save_shopper_issuer
from accounts.services.staff import (
    accept_invitation,
    cancel_invitation,
    change_brand,
    change_role,
    invitation_of,
    invite,
    remove_member,
    resend_invitation,
    send_invitation,
)

__all__ = [
    "FACTOR_FIRST",
    "RESET_SENT",
    "ConsentRecord",
    "Export",
    "Identity",
    "ProfileFields",
    "RecordedMerge",
    "accept_invitation",
    "add_customer",
    "announce_factor",
    "announce_guesses",
    "announce_key",
    "answer_registration",
    "authenticate_api_key",
    "cancel_invitation",
    "change_brand",
    "change_role",
    "change_user",
    "check_brand_name",
    "check_credentials",
    "check_sign_in_settings",
    "check_sign_on",
    "create_account",
    "create_grant",
    "delete_provider",
    "encrypt_again",
    "end_grant",
    "end_other_sign_ins",
    "end_session",
    "end_shopper_tokens",
    "export_account",
    "export_customer",
    "extend_chain",
    "find_customer",
    "find_staff",
    "get_or_create_customer",
    "get_or_create_customers",
    "invitation_of",
    "invite",
    "issue_key",
    "note_guesses",
    "purge_sign_ins",
    "record_access",
    "record_merge",
    "refresh",
    "register",
    "remove_member",
    "report_guesses",
    "request_account_erasure",
    "request_customer_erasure",
    "request_erasure",
    "request_key_review",
    "request_password_reset",
    "resend_invitation",
    "reset_password",
    "reset_second_factor",
    "revoke_key",
    "roll_key",
    "run_erasures",
    "save_profile",
    "save_provider",
    "save_shopper_issuer",
    "send_factor_notice",
    "send_invitation",
    "send_password_reset",
    "sign_in",
    "sign_in_with_code",
    "sign_out",
    "sign_out_everywhere",
    "tokens_for",
    "use_code",
    "user_to_reset",
    "user_to_verify",
    "verify_address",
]
