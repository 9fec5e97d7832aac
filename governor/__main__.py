"""``python -m governor``, which is also how the hooks ring for a refresh."""

from governor.cli import run

run()
