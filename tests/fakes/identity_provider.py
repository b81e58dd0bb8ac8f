"""An OpenID Connect provider on this machine, which signs tokens as a real one does.

    with FakeProvider() as provider:
        provider.person = {"sub": "42", "email": "ann@example.com", "email_verified": True}
        provider.issuer, provider.client_id, provider.client_secret

It checks the client, the redirect address, PKCE and that a code is used once. ``claims`` are put into the ID token over
what belongs there, ``answers`` replace the answer of a path (a status, a text or a document), and ``signer`` is the key
that signs, which is among the published ones unless a test puts another one there.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

DISCOVERY, KEYS, AUTHORIZE, TOKEN, USERINFO = (
    "/.well-known/openid-configuration", "/keys", "/authorize", "/token", "/userinfo",
)  # fmt: skip


class SigningKey:
    """A key pair with an ID."""

    def __init__(self, kid: str, algorithm: str = "RS256") -> None:
        self.kid, self.algorithm = kid, algorithm
        self.private: Any = (
            rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
        )

    @property
    def public(self) -> dict[str, Any]:
        """The public part, as a key set contains it."""
        name = jwt.get_algorithm_by_name(self.algorithm)
        document: dict[str, Any] = json.loads(name.to_jwk(self.private.public_key()))
        return document | {"kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, claims: dict[str, Any]) -> str:
        """Return a signed token."""
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.kid})


class FakeProvider:
    """An identity provider, and what it was asked."""

    def __init__(self) -> None:
        self.client_id, self.client_secret = "platform", "secret-" + secrets.token_hex(8)
        self.person: dict[str, Any] = {"sub": "42", "email": "ann@example.com", "email_verified": True}
        self.claims: dict[str, Any] = {}
        self.answers: dict[str, Any] = {}
        self.signer = SigningKey("first")
        self.published = [self.signer]
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": self}))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, path: str) -> int:
        """Return how often a path was requested."""
        return sum(1 for requested, _parameters in self.requests if requested == path)

    def authorize(self, parameters: dict[str, str]) -> str:
        """Return the address to which the person is sent back, with a code."""
        assert parameters["client_id"] == self.client_id
        assert parameters["response_type"] == "code"
        assert parameters["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = parameters
        return f"{parameters['redirect_uri']}?{urlencode({'code': code, 'state': parameters['state']})}"

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Return the tokens of a code, None if the client may not have them."""
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        client = (form.get("client_id"), form.get("client_secret"))
        if asked is None or asked["code_challenge"] != challenge or client != (self.client_id, self.client_secret):
            return None
        if form["redirect_uri"] != asked["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            "auth_time": now,
        }  # fmt: skip
        token = self.signer.sign(
            {name: value for name, value in (claims | self.person | self.claims).items() if value is not None}
        )
        return {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": token}

    def document(self, path: str) -> Any:
        """Return the document at a path, None if there is none."""
        if path == DISCOVERY:
            addresses = {
                "authorization_endpoint": AUTHORIZE, "token_endpoint": TOKEN, "jwks_uri": KEYS,
                "userinfo_endpoint": USERINFO,
            }  # fmt: skip
            return {"issuer": self.issuer, "code_challenge_methods_supported": ["S256"]} | {
                name: self.issuer + address for name, address in addresses.items()
            }
        return {KEYS: {"keys": [key.public for key in self.published]}, USERINFO: self.person}.get(path)


class _Handler(BaseHTTPRequestHandler):
    provider: FakeProvider

    def log_message(self, *_arguments: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.provider.requests.append((parts.path, parameters))
        if parts.path in self.provider.answers:
            return self._answer(self.provider.answers[parts.path])
        if parts.path == AUTHORIZE:
            self.send_response(302)
            self.send_header("Location", self.provider.authorize(parameters))
            self.send_header("Content-Length", "0")
            return self.end_headers()
        document = self.provider.document(parts.path)
        return self._answer(404 if document is None else document)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(text).items()}
        self.provider.requests.append((self.path, form))
        if self.path in self.provider.answers:
            return self._answer(self.provider.answers[self.path])
        tokens = self.provider.exchange(form) if self.path == TOKEN else None
        return self._answer(400 if tokens is None else tokens)

    def _answer(self, answer: Any) -> None:
        status, body = (answer, b"{}") if isinstance(answer, int) else (200, answer)
        if not isinstance(body, bytes):
            body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1/")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
