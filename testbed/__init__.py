"""Real endpoints and certificates, good and bad, for the tests, the demo and the benchmarks."""
