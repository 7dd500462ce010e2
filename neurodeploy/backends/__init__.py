"""Where a Program runs: each module or package here has `available()` and `run()`."""
