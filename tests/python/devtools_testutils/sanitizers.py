"""What Microsoft's tests take out of recordings. Nothing is recorded here, so there is nothing to take out."""


def add_body_key_sanitizer(**_):
    """Would hide a member of bodies."""


def add_header_regex_sanitizer(**_):
    """Would hide a part of a header."""


def add_oauth_response_sanitizer(**_):
    """Would hide tokens."""


def add_remove_header_sanitizer(**_):
    """Would take headers away."""


def remove_batch_sanitizers(_):
    """Would stop hiding what is hidden by default."""
