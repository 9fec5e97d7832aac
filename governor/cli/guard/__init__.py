"""Commands about what hooks do: switches, halts, the router, the memory compactor."""
