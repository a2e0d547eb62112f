"""One call's life: an engine, a line, speech and services joined; its recordings and its record."""
