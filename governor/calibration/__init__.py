"""From official readings and local units to a scale, and when that scale changed. Pure."""
