"""Measurements: each script writes a results file and what is made from it."""
