"""An insurer's self-service telephone hotline."""
