"""Converters: the only place that opens the originals (pickles, csv, tfrecords)."""
