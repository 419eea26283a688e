"""Tables of devices: latencies and energies of architectures, one file per source."""
