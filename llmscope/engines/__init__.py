"""Places where SQL runs; everything an engine spells otherwise is mended in its own file here."""
