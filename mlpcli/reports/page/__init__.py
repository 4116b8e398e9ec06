"""The report: one HTML file that needs nothing else. `writing` is the way in, `document` the page, the rest its parts.

Everything is drawn here, as HTML and SVG, without Matplotlib: the command works in every installation, the text in the
charts is text to a screen reader, and both follow the reader's light or dark mode.
"""
