"""A kind of offer that the platform doesn't know: loyalty rewards (docs/adding-a-kind.md)."""
