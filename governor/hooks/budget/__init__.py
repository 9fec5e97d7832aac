"""The budget guard: ``rules`` say whether the next call fits; ``run`` looks, rules and charges."""
