"""Looking back: what the governor costs, what is red, which limits are set, and whether work got worse."""
