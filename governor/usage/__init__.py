"""Who used what: sums by any key, and sessions. Pure; budgets are in ``pipeline`` and ``hooks``."""
