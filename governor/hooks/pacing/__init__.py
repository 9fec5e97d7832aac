"""The pacing warner: what to say about pace, and when to say nothing. Pure rules."""
