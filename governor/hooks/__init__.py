"""What runs inside a client: one folder a hook, ``runtime`` for all of them, ``state`` for what they keep.

Every room here runs on Python 3.9 with the standard library alone.
What only refresh or a command needs lives elsewhere.
"""
