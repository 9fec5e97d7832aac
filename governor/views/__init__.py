"""What a person sees. A face takes values and returns text; it asks nothing and decides nothing."""
