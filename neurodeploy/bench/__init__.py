"""Operation counts, energy estimates and results files. Importing it imports no torch."""
