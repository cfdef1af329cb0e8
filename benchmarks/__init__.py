"""Speed: `python -m benchmarks` compares our backends, `python -m benchmarks --peers` sets them beside their peers."""
