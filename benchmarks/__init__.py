"""How well it works: loaders of the benchmark data, measurements, and tables."""
