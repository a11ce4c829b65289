"""From masks to figures: pixel counts, scores, tables."""
