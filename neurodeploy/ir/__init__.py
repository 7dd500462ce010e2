"""The narrow waist: Programs of synapses and neuron populations, and what their runs leave."""
