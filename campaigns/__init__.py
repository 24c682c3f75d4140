"""Campaigns speak: what is said, to whom, where and when. The room is empty today; later releases furnish it."""
