"""Be a developer: replay a repository's real edits through a real server, and measure."""
