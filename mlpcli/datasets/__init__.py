"""Bytes from the world to arrays. Knows nothing of networks."""
