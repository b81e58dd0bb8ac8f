"""API of codes."""
