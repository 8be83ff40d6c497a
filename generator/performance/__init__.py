"""From a score to notes at samples and moving controls, block by block. Pure."""
