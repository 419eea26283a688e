"""Scorers: what ranks architectures without training them. One short file each."""
