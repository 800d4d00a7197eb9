"""Launch templates, and the validation of launches."""
