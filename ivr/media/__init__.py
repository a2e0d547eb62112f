"""Audio as 20 ms G.711 frames: the media clock, players, recorders, relays, mixers, tones and keys."""
