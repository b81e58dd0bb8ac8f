"""Verbs of errands and of the services that they are run to."""
