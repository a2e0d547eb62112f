"""Makes the contract of every line importable by the tests of each."""
