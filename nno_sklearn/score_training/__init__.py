"""Training on a score, which has values but no derivatives: a search in coefficient space."""
