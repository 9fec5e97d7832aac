"""Commands that show something and change nothing beyond taking in what is new."""
