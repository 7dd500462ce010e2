"""Define-by-run tracing of torch modules into NIR graphs, for any framework's neuron layers."""
