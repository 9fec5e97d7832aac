"""The loop guard: repeated calls, failing tools, dear turns. ``run`` acts; all other rooms are pure."""
