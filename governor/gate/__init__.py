"""May the next piece of unattended work start? The evidence, the ruling, and the halts that the user sets."""
