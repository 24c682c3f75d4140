"""Measures speed and memory, as ratios taken in one interleaved run. Started by `vinkki bench`."""
