"""What users test their own hotline with: scripted and random callers in virtual time, coverage, fuzzing."""
