"""What is fast, how fast, and how to measure it again: see docs/benchmarks.md."""
