"""Habitus, the learning half: examples, training, gate, registry, replay."""
