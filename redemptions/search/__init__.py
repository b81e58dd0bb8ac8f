"""Search of redemptions and refused attempts of every kind of offer, read from the event log."""
