"""The command line: one verb, one file. The only typer, the only rich."""
