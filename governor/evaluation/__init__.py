"""How good projections were: backtests, scores, and made-up people whose truth is known. Pure."""
