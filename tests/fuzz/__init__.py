"""Our own readers given any bytes: `make fuzz` for an hour with atheris, a moment with hypothesis in the tests."""
