"""What Habitus learned, as a page for people: facts gathered, drawn, and written as HTML."""
