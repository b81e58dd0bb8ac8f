"""Results of offers of every kind: sums of their events by quarter of an hour, and the reports that read them."""
