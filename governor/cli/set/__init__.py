"""Commands that set governor up: wiring, settings, calibration."""
