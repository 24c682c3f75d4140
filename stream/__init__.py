"""The stream listens: what comes in, and nothing else."""
