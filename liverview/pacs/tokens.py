"""Tokens of DICOMweb nodes, in the system's keyring or nowhere."""

from __future__ import annotations

from liverview.pacs.nodes import Node, NodeKind

_SERVICE = "liverview DICOMweb"


def stored_token(node: Node) -> str:
    """The token that the system's keyring has for the node's address; empty for none.

    It is kept by the address, so that a node whose address is changed sends it nowhere else.
    """
    if node.kind is not NodeKind.WEB:
        return ""
    import keyring
    from keyring.errors import KeyringError

    if not has_keyring():
        return ""
    try:
        return keyring.get_password(_SERVICE, node.url) or ""
    except KeyringError:  # locked, or the person refused
        return ""


def keep_token(node: Node, token: str) -> bool:
    """Put the node's token into the system's keyring, or take it out where it is empty.

    Returns False where the system has no keyring; it is then kept nowhere.
    """
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError

    if not has_keyring():
        return False
    try:
        if token:
            keyring.set_password(_SERVICE, node.url, token)
        else:
            keyring.delete_password(_SERVICE, node.url)
    except PasswordDeleteError:  # there was none
        return True
    except KeyringError:
        return False
    return True


def has_keyring() -> bool:
    """True where the system keeps secrets; files that anybody can read are no keyring."""
    import keyring
    from keyring.backends import chainer, fail, null

    backend = keyring.get_keyring()
    if isinstance(backend, chainer.ChainerBackend):
        kinds = [type(each) for each in backend.backends]
    else:
        kinds = [type(backend)]
    unsafe = (fail.Keyring, null.Keyring)
    return any(
        not issubclass(kind, unsafe) and not kind.__module__.startswith("keyrings.alt")
        for kind in kinds
    )
