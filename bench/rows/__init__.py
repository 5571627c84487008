"""One module each for a group of rows; each has MEASUREMENTS, a list of frame.Measurement."""
