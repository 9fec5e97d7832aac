"""The memory compactor: ``rules`` and Markdown (pure), ``run`` (reads and replaces the index)."""
