"""Instance refreshes: an Auto Scaling group replaces its instances a few at a time.

`operations` implements the API calls, `model` is a refresh and its limits, `standing` determines which instances are
in service, and `progress` advances a refresh.
"""
