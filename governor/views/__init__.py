"""What a person sees. A view takes values and returns text; it asks nothing and decides nothing."""
