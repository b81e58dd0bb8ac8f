"""What the admin pages of every kind of offer share."""
