"""The prompt router: what a prompt asks for, and which lane or model has room for it. Pure rules; no state."""
