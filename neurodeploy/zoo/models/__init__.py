"""Networks, and the baselines that they are measured against: one model a file."""
