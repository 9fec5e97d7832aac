"""One headless run of a client, watched: what it uses is counted while it works, and at a limit it is ended gently."""
