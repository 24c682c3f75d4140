"""Campaigns speak: what is said, to whom, where and when."""
