"""The application: what is packed of its folder, what is added to it, and what can be checked before a deployment."""
