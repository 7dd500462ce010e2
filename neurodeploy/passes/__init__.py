"""Passes: each a pure function from one Program to another, in a file of its name."""
