"""Operation counts: of torch modules as they run, of NIR graphs, and of Programs that ran."""
