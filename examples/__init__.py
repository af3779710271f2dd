"""Programs that use offlinedl as their library."""
