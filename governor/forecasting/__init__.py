"""Where a window will stand at its reset, and where it stands by now. Pure."""
