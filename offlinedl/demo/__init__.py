"""The embedded origin: a small service with real titles, to see and to test the whole story without the internet."""
