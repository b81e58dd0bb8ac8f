"""Services of results for other packages."""
