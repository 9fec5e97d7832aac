"""The only memory beyond the 30 days that the clients keep. ``schema`` says what is remembered, ``store`` how."""
