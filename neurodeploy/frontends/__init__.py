"""Readers of trained networks; import the one you need, since each needs its own framework."""
