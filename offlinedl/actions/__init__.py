"""What a person does: one verb, one function."""
