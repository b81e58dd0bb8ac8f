"""Rules of the platform, each shown through the API: what a brand does, what it is answered, and relatives of that."""
