"""Reads of promotions, their codes and their limits; a module for each subject."""
