"""The two embedded servers: how each one is started, checked and stopped."""

from promoplatform.devserver.servers.postgresql import PostgreSQL, postgres_binaries
from promoplatform.devserver.servers.server import EmbeddedError, Server, write_private
from promoplatform.devserver.servers.valkey import Valkey, valkey_binary

__all__ = ["SERVERS", "EmbeddedError", "Server", "postgres_binaries", "valkey_binary", "write_private"]

SERVERS: tuple[type[Server], ...] = (PostgreSQL, Valkey)
