"""Speech and noise: the corpus, its splits, mixtures with labels, the recordings we ship."""
