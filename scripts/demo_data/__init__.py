"""Draws the demo documents: typesetting, charts and tables on PDF pages, and the three documents made with them."""
