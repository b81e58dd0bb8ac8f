"""django-oscar as a peer; runs in a virtual environment of its own."""
