"""Pure data: what labels, samples, datasets, edits and reports are. No I/O."""
