"""Figures, one module for each: data or a network in, a Matplotlib figure out (extra: plot)."""
