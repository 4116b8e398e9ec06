"""Pictures for people: what a network saw, and where on a page."""
