"""Actions as tokens of a language model, as OpenVLA has them: bins, the map from bins to token ids, statistics."""
