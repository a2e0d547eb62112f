"""Makes what stands beside this file, such as the outside caller, importable by every test."""
