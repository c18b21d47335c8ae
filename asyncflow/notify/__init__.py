"""Who is told what happens in runs, and how it is counted."""
