"""Drawings as SVG, without knowledge of what they show."""
