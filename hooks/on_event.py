"""Every event of a client: all guards that look at it, one after the other, in one process.

``governor.hooks.on_event`` does the work. This file is written so that Python 2.7 and 3.0 to 3.8 understand it, too: a
plugin runs under whatever ``python3`` is, and an old one gets a sentence instead of a traceback at every event.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

if __name__ == "__main__":
    if sys.version_info < (3, 9):
        from governor.hooks import old_python

        old_python.leave(sys.argv[1:])
    from governor.hooks import on_event

    on_event.run(HERE, sys.argv[1:])
    os._exit(0)  # all is written; taking the interpreter down in good order costs a tenth of the whole run
