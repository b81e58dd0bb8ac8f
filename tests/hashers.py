"""The hasher of the test suite: quick, and limited like the real one."""

from django.contrib.auth.hashers import MD5PasswordHasher

from accounts.hashers import LimitedHasherMixin


class LimitedMD5PasswordHasher(LimitedHasherMixin, MD5PasswordHasher):
    """MD5, within the limit of passwords that are hashed at once."""

    algorithm = "md5"

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the hash is one of the password, without a second place in the queue."""
        decoded = self.decode(encoded)
        return self.encode(password, decoded["salt"]) == encoded
