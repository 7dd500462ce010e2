"""Models that we train ourselves: audio features, corpora, networks and the recipes behind them."""
