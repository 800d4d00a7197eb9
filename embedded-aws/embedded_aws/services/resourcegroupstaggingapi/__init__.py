"""The tagging API: resources by their tags."""
