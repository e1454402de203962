"""Time to a given accuracy, against every peer that has the same objective."""
