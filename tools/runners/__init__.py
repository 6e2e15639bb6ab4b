"""How each test runner is found, started and read; one module per family."""
