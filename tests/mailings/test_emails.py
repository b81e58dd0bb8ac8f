"""Email content: inlined styles, readable colors, and a plain-text version."""

import re

import pytest

from mailings import emails
from mailings.contracts import NAME_HTML_TAG, NAME_TAG, UNSUBSCRIBE_TAG, Content, RenderedMail
from mailings.rules import render_tags, substitutions

ACTION = {
    "heading": "Join <Billo>",
    "paragraphs": ["Tom & Ann invited you."],
    "action_url": "https://promo.example/join/?a=1&b=2",
    "action_label": "Join",
}


def invitation(**fields: object) -> Content:
    """Return the content of an invitation."""
    shared = {"template": "mail/action", "subject": "Join\n Billo", "sender_name": "Billo & Sons", "context": ACTION}
    return emails.build_content(**{**shared, **fields})  # type: ignore[arg-type]


def test_html_is_escaped_and_text_is_not() -> None:
    content = invitation()

    assert "Join &lt;Billo&gt;" in content.html
    assert "Tom &amp; Ann" in content.html
    assert "Billo &amp; Sons" in content.html
    assert "Join <Billo>" in content.text
    assert "Tom & Ann" in content.text
    assert "https://promo.example/join/?a=1&b=2" in content.text


def test_a_subject_is_one_line() -> None:
    assert invitation().subject == "Join Billo"


def test_styles_are_inlined_and_dark_mode_is_kept() -> None:
    html = invitation(color="#7c3aed").html

    assert re.search(r'class="button"[^>]*style="[^"]*#7c3aed', html)
    assert "prefers-color-scheme: dark" in html
    assert "<link" not in html
    assert "src=" not in html  # nothing is fetched when a mail is opened


@pytest.mark.parametrize(
    ("color", "ink"),
    [
        ("#ffffff", "#111827"),
        ("#fde047", "#111827"),
        ("#0f766e", "#ffffff"),
        ("#000000", "#ffffff"),
        ("#7C3AED", "#ffffff"),
    ],
)
def test_text_on_a_brand_color_is_readable(color: str, ink: str) -> None:
    assert emails.contrast_text_color(color) == ink


def test_only_marketing_content_has_an_unsubscribe_link() -> None:
    offer, notice = invitation(marketing=True), invitation()

    assert UNSUBSCRIBE_TAG in offer.html
    assert UNSUBSCRIBE_TAG in offer.text
    assert UNSUBSCRIBE_TAG not in notice.html + notice.text


def test_no_tag_is_part_of_another() -> None:
    tags = [NAME_TAG, NAME_HTML_TAG, UNSUBSCRIBE_TAG]

    assert not [(one, other) for one in tags for other in tags if one != other and one in other]


def test_a_name_that_is_a_tag_stays_a_name() -> None:
    mail = RenderedMail(1, "a@example.com", NAME_HTML_TAG, "https://x")

    assert render_tags(f"{NAME_TAG} {UNSUBSCRIBE_TAG}", mail) == f"{NAME_HTML_TAG} https://x"
    assert substitutions(mail)[NAME_HTML_TAG] == NAME_HTML_TAG
