"""What is special to one client: a folder each. What both share is beside them; what no client writes is elsewhere."""
