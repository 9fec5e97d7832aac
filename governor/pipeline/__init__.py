"""The background road: take in what is new, gather, judge, and tell. It may read the ledger; views may not."""
