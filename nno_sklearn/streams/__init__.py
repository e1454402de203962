"""Learning from a stream of rows, batch by batch: what ``partial_fit`` does."""
