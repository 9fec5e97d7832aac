"""The price warner: what a cold resume or a switched model costs. Pure rules."""
