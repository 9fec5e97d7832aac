"""Commands for work without a person: gate, run, handoff."""
