"""Extract messages as Django does, without guesses: a new message has no translation until a person writes one."""

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    """A command that never copies the translation of a similar message."""

    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]
