"""The run: batches, the loop, the choice of the best epoch."""
