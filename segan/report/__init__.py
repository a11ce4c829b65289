"""One HTML file about a run: read its record, score a split, choose and draw images, render the page."""
