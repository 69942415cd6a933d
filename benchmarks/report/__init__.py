"""Results for people: terminal, HTML, comparison."""
