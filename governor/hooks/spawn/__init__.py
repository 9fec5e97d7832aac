"""The spawn guard: how many subagents may run, and on which model. Pure rules; leases are in ``state``."""
