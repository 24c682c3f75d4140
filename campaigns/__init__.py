"""Campaigns speak: what is said, to whom, where and when. This room is furnished by later releases; it is empty today."""
