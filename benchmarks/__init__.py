"""What is measured: `python -m benchmarks.NAME [--quick] [--device cpu|cuda] [--json FILE]`."""
