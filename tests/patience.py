"""How long the tests wait before they call something hung: one home for the number."""

PATIENCE = 600  # seconds; ten times what the slowest single step takes on a machine with nothing else to do
