"""What there is to look at: figures of data and networks (extra: plot)."""
