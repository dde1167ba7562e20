"""Files made to hurt whoever reads them, by small generators: each module has one table, from a name to bytes."""
