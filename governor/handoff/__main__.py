"""``python -m governor.handoff ID DESCRIPTOR``: the detached supervisor; nobody types this."""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    """Take over the lock that was handed to us, and stay until the task has ended."""
    from governor.crash_report import report
    from governor.handoff.work import work

    try:
        work(arguments[0], int(arguments[1]))
    except Exception as fault:
        report(fault)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
