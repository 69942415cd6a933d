"""What all benchmarks share: child processes, clocks, errors."""
