"""Instance refreshes: an Auto Scaling group replaces its instances a few at a time.

`operations` answers the calls, `model` keeps a refresh and its bounds, `standing` finds out which instances serve,
and `progress` is how a refresh goes on by itself.
"""
