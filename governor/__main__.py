"""``python -m governor``, which is also how the hooks ring for a refresh."""

from governor.cli.unattended import run as unattended_run

unattended_run()
