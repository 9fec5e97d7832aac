"""What the vendors meter: windows, units, prices, plans, refusals. Pure; forecasts and scales are elsewhere."""
