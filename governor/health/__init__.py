"""What is wrong with the installation, and the command that mends it. Looks, and changes nothing."""
