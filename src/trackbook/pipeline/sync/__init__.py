"""The round trip: what was edited in a script goes back into the cells it came from, and the reverse.

`units` cut code into pieces that layout does not change, `mapping` tells which piece of a script is which of a cell;
`edits`, with `head` and `lines`, turn a changed script into changed cells; `merge` joins the changes of both sides,
`files` writes them into a notebook, and `state` finds what a script was made of.
"""
