"""Models, data and losses; the only place where torch lives."""
