"""Associations with a DIMSE node: opened within a time, ended in any case."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pynetdicom import _config, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.status import code_to_category

from liverview.core.text import shown
from liverview.pacs.errors import PacsError
from liverview.pacs.lines import address_of, client_context, fault_of_line, unanswered
from liverview.pacs.nodes import Node
from liverview.pacs.timeouts import Timeouts

_ABORT_PATIENCE = 0.5  # seconds for the word that it is over to leave
# Of PS3.8, table 9-21: what a reason of the user (source 1) means to a person.
_TITLES = {
    3: "does not know our AE title {ours}: enter it there, with this computer's address",
    7: "has another AE title than {theirs}: correct it",
}

# It would log names of patients as they are asked for and received.
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


class Line:
    """Opens associations with one node, one after the other, and cuts the one under way."""

    def __init__(self, node: Node, timeouts: Timeouts) -> None:
        self.node, self.timeouts = node, timeouts
        self._association: Association | None = None
        self._cut = False

    @property
    def association(self) -> Association | None:
        """The open one."""
        return self._association

    def make_entity(self) -> ApplicationEntity:
        """What liverview is to the node."""
        entity = ApplicationEntity(self.node.our_ae_title.strip())
        entity.connection_timeout = self.timeouts.connect
        entity.acse_timeout = entity.dimse_timeout = self.timeouts.reply
        entity.network_timeout = self.timeouts.reply
        return entity

    def open(
        self,
        contexts: Sequence[PresentationContext],
        roles: Sequence[Any] = (),
        handlers: Sequence[Any] = (),
    ) -> Association:
        """Open an association.

        Raises
        ------
        PacsError : where the node cannot be reached, or does not want it.
        """
        node = self.node
        host, port = address_of(node)
        # pynetdicom does not say what is wrong with a certificate.
        fault = fault_of_line(node, self.timeouts) if node.tls else ""
        if fault:
            raise PacsError(fault)
        began = time.monotonic()
        try:
            association = self.make_entity().associate(
                host,
                port,
                contexts=list(contexts),
                ae_title=node.ae_title.strip(),
                ext_neg=list(roles),
                tls_args=(client_context(node), host) if node.tls else None,
                evt_handlers=[(evt.EVT_CONN_OPEN, self._remember), *handlers],
            )
        except OSError as error:  # the host's name cannot be looked up
            raise PacsError(self._fault()) from error
        opened, self._association = self._association is not None, association
        if association.is_established and not self._cut:
            return association
        waited = time.monotonic() - began
        self.close()
        if opened and waited >= self.timeouts.reply:
            raise PacsError(
                f"{node.place} opened a line and said nothing for {self.timeouts.reply:g} s: "
                "check that its port is the one of the PACS, and whether it wants TLS."
            )
        raise PacsError(self._refusal(association))

    def close(self) -> None:
        """End the association in good order; where that does not work, abort it."""
        association, self._association = self._association, None
        if association is None:
            return
        if association.is_established and not self._cut:
            association.release()
        _end(association)

    def abort(self) -> None:
        """End the association at once, in the middle of whatever the node sends."""
        association, self._association = self._association, None
        if association is not None:
            _end(association)

    def cut(self) -> None:
        """Abort what is under way, from another thread; what waits for the node returns."""
        self._cut = True
        if self._association is not None:
            _end(self._association)

    def silent(self, doing: str) -> PacsError:
        """The error for a node that was asked and said nothing, or was gone."""
        association = self._association
        gone = association is None or association.acse.is_aborted("a-p-abort")
        if association is not None and association.acse.is_aborted("a-abort"):
            gone = True
        if gone:
            text = f"{self.node.place} dropped the line while {doing}: try again."
        else:
            text = (
                f"{self.node.place} said nothing for {self.timeouts.reply:g} s while {doing}: "
                "try again, or ask who runs it."
            )
        return PacsError(text)

    def _remember(self, event: Any) -> None:
        self._association = event.assoc
        send_at_once(event)

    def _refusal(self, association: Association) -> str:
        node = self.node
        if self._cut:
            return f"{node.place}: stopped."
        if association.is_rejected:
            answer = association.acceptor.primitive
            assert answer is not None
            known = _TITLES.get(answer.diagnostic) if answer.result_source == 1 else None
            if known is not None:
                known = known.format(ours=node.our_ae_title, theirs=node.ae_title)
                return f"{node.place} {known}."
            return (
                f"{node.place} refused ({shown(answer.reason_str)}): "
                "try again, or ask who runs it to let this computer in."
            )
        if association.acceptor.primitive is not None:
            return (
                f"{node.place} does not offer what was asked for: "
                "set another way to retrieve, or another node."
            )
        if association.is_aborted and association.acse.is_aborted("a-abort"):
            return (
                f"{node.place} dropped the line instead of an answer: "
                "check AE titles, and whether it lets this computer in."
            )
        return self._fault()

    def _fault(self) -> str:
        return fault_of_line(self.node, self.timeouts) or unanswered(self.node)


def send_at_once(event: Any) -> None:
    """Let a line that was opened send small messages without waiting for more to go with them.

    A command and its data are two messages; the second would wait 40 ms for the first's receipt.
    """
    line = event.assoc.dul.socket.socket
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def category(status: int) -> str:
    """Success, Pending, Warning, Cancel or Failure."""
    return str(code_to_category(status))


def _end(association: Association) -> None:
    """Abort an association if it lives, cut its socket, and wait for its threads."""
    provider = association.dul
    if association.is_established:
        association.abort(block=False)
        end = time.monotonic() + _ABORT_PATIENCE
        while provider.is_alive() and provider.state_machine.current_state != "Sta13":
            if time.monotonic() > end or provider.state_machine.current_state == "Sta1":
                break
            time.sleep(0.005)
    line = provider.socket.socket if provider.socket is not None else None
    if line is not None:
        with suppress(OSError):  # closed meanwhile
            line.shutdown(socket.SHUT_RDWR)
    association.dimse.msg_queue.put((None, None))
    if provider.is_alive():
        association.kill()
    if line is not None:
        line.close()  # which pynetdicom leaves out where the other side was the first
