"""`canary-controller demo`: the tutorial, played on the embedded cluster, and checked while it plays.

`story` knows what has to happen, `show` what is printed, `play` does it.
"""
