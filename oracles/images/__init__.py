"""Sets of images: where they are, and how they are read."""
