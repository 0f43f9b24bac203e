"""What the shipped results come from (`make results`): each module's `study()` gives plain values for a JSON file."""
