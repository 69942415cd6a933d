"""The sockets and the clock of one RtpSession; the only asyncio in this package.

One datagram is read per wake-up. The loop is level-triggered, so a flooded port gets its turn like
every other and cannot starve them, and reading until EAGAIN would cost a failed system call for
each packet of a normal call, which come one by one.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sipua.rtp.dtls.agreement import DtlsAgreement
from sipua.rtp.dtmf import EventPacket
from sipua.rtp.events import Address, MediaTimeout, RtpEvent
from sipua.rtp.latch.addresses import sendable
from sipua.rtp.ports import ReservedPort
from sipua.rtp.rtcp.session import Control
from sipua.rtp.session.session import RtpSession
from sipua.rtp.srtp.keys import SrtpKeys

if TYPE_CHECKING:  # these need an extra, which calls without SRTP do without
    from sipua.rtp.dtls.dtls_socket import DtlsSocket
    from sipua.rtp.srtp.secure_socket import Datagrams
    from sipua.rtp.srtp.srtp import Srtp

# (when, sent by us, the peer, the datagram)
Tap = Callable[[float, bool, Address, bytes], None]

# (where, the exception): raised in reading or in a timer; the call ends itself for it.
OnFault = Callable[[str, Exception], None]

# Longer than any packet that is accepted: what is cut off here is refused as oversize.
_READ_SIZE = 2048
# More than a receive buffer can hold.
_MAX_DRAIN = 4096
_MAX_EARLY = 64
# Loops round timers to a millisecond, some of them down: late is better than twice.
_TIMER_SLACK_S = 0.0005


class RtpTransport:
    """The sockets and the timer of one session, on the running loop from start() to close(). The
    sockets belong to the port pool, which closes them when the port is released, after close().
    """

    def __init__(
        self,
        reserved: ReservedPort,
        session: RtpSession,
        on_events: Callable[[Sequence[RtpEvent]], None],
        *,
        on_fault: OnFault | None = None,
    ) -> None:
        """`on_fault` None: the loop's exception handler gets the exception."""
        self._sockets = (reserved.rtp_socket, reserved.rtcp_socket)
        self._rtp: Datagrams
        self._rtcp: Datagrams
        self._rtp, self._rtcp = self._sockets
        self._srtp: Srtp | None = None
        self._secured: tuple[Datagrams, Datagrams] = self._sockets
        """With SRTP, where it has been agreed on once."""
        self._dtls: tuple[DtlsSocket, DtlsSocket] | None = None
        """The same with keys of handshakes: each port has its own (RFC 5764 5.1.2)."""
        self._dtls_timer: asyncio.TimerHandle | None = None
        self.on_secured: Callable[[], None] = _nothing
        """The handshake is over: from now on packets leave."""
        self._session = session
        self._on_events = on_events
        self._on_fault = on_fault or _raise
        self.tap: Tap | None = None
        """Gets each RTP datagram that was received or sent, for a capture."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._drained = 0
        self._rtcp_received = 0
        self._receive_errors = 0
        self._send_errors = 0
        self._send_blocked = 0

    def start(self) -> None:
        """Begin to receive. What waits in the sockets is older than the call's media, and is
        dropped; but not a handshake that the peer has begun behind its answer.
        """
        self._loop = asyncio.get_running_loop()
        rtp, rtcp = self._sockets
        if self._dtls is not None and self._rtp is self._dtls[0]:
            for one in self._dtls:
                self._drained += one.drain(_MAX_DRAIN)
        else:
            self._drained = _drain(rtp) + _drain(rtcp)
        self._loop.add_reader(rtp, self._read_rtp)
        self._loop.add_reader(rtcp, self._read_rtcp)
        self.reschedule()
        self._shaken()

    def close(self) -> None:
        """Stop; may be called twice, and without start()."""
        if self._loop is None:
            return
        for udp in self._sockets:
            self._loop.remove_reader(udp)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop = None
        self._send_control(self._session.goodbye(time.monotonic()))
        # Our user knows us, too: without that circle both are gone when the call is.
        self._on_events = self._on_fault = self.on_secured = _nothing
        self._end_handshakes()

    def secure(self, keys: SrtpKeys | None) -> None:
        """Everything that comes and goes is encrypted with these from now on; None: nothing is."""
        self._end_handshakes()
        self._dtls = None
        if keys is None:  # the state stays: a key that comes back goes on where it was
            self._rtp, self._rtcp = self._sockets
            return
        if self._srtp is not None:
            self._srtp.update(keys)
        else:
            from sipua.rtp.srtp.secure_socket import SecureSocket  # noqa: PLC0415 - needs an extra
            from sipua.rtp.srtp.srtp import Srtp  # noqa: PLC0415 - needs an extra

            self._srtp = srtp = Srtp(keys)
            rtp, rtcp = (SecureSocket(udp, srtp, self._session.drop) for udp in self._sockets)
            self._secured = rtp, rtcp
        self._rtp, self._rtcp = self._secured

    def _end_handshakes(self) -> None:
        if self._dtls_timer is not None:
            self._dtls_timer.cancel()
            self._dtls_timer = None
        for one in self._dtls or ():
            one.close()

    def secure_by_handshake(
        self, agreement: DtlsAgreement, remote: Address, rtcp_remote: Address | None
    ) -> None:
        """The same with the keys of a handshake (DTLS), and of later ones. `rtcp_remote` None: RTCP
        is on the port of RTP."""
        if self._dtls is None:
            from sipua.rtp.dtls.dtls_socket import DtlsSocket  # noqa: PLC0415 - needs an extra

            session = self._session
            rtp, rtcp = (
                DtlsSocket(udp, session.latch, session.drop, time.monotonic, self._shaken)
                for udp in self._sockets
            )
            self._dtls = rtp, rtcp
        self._rtp, self._rtcp = self._dtls
        # Of a call that begins on hold no address is known: the peer may begin, and we later.
        self._dtls[0].agree(agreement, sendable(remote))
        if rtcp_remote is not None:
            self._dtls[1].agree(agreement, sendable(rtcp_remote))

    @property
    def secured(self) -> bool:
        """Whether packets may leave: a handshake that has to be is over."""
        return self._dtls is None or self._rtp is not self._dtls[0] or bool(self._dtls[0].suite)

    def send(self, payload: bytes, samples: int, marker: bool = False) -> bool:
        """Send the next packet now; False when it did not leave (counted)."""
        packet = self._session.send(payload, samples, marker)
        return packet is not None and self._send_datagram(*packet, self._rtp)

    def send_event(self, event: EventPacket) -> bool:
        """Send one packet of a telephone event; False when it did not leave (counted)."""
        packet = self._session.send_event(event)
        return packet is not None and self._send_datagram(*packet, self._rtp)

    def pass_to(self, on_events: Callable[[Sequence[RtpEvent]], None]) -> None:
        """What comes goes there from now on."""
        self._on_events = on_events

    def reschedule(self) -> None:
        """Look at the session's next deadline. Needed after session.update(), which may bring it
        forward; all other methods do it themselves.
        """
        if self._loop is None:
            return
        deadline = self._session.next_deadline()
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer_at <= deadline:
                return  # the timer fires before, finds nothing due, and is set again
            self._timer.cancel()
        self._timer_at = deadline
        delay_s = max(0.0, deadline - time.monotonic()) + _TIMER_SLACK_S
        self._timer = self._loop.call_later(delay_s, self._on_timer)

    def stats(self) -> dict[str, object]:
        suite = self._srtp.suite if self._srtp and self._rtp is self._secured[0] else None
        if self._dtls is not None and self._rtp is self._dtls[0]:
            suite = self._dtls[0].suite
        return {
            "srtp": suite,
            "drained_at_start": self._drained,
            "rtcp_received": self._rtcp_received,
            "receive_errors": self._receive_errors,
            "send_errors": self._send_errors,
            "send_blocked": self._send_blocked,
        }

    def _read_rtp(self) -> None:
        try:
            datagram, source = self._rtp.recvfrom(_READ_SIZE)
        except BlockingIOError:
            return  # a wrong checksum woke us, with nothing to read
        except OSError:
            # ICMP: the peer's port is not open yet, or not any more. The media timeout handles it.
            self._receive_errors += 1
            return
        except Exception as error:  # noqa: BLE001 - a handshake, or what waits for its end
            self._on_fault("RTP", error)
            return
        address: Address = source if len(source) == 2 else source[:2]
        # Not loop.time(): uvloop's stands still during one turn and has whole milliseconds.
        now = time.monotonic()
        try:
            if self.tap is not None:
                self.tap(now, False, address, datagram)
            events = self._session.receive(datagram, address, now)
            # A packet in order is one event, and brings no deadline forward.
            if len(events) != 1 or self._timer is None:
                self.reschedule()
            if events:
                self._on_events(events)
        except Exception as error:  # noqa: BLE001
            self._on_fault("RTP", error)

    def _read_rtcp(self) -> None:
        try:
            datagram, source = self._rtcp.recvfrom(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self._receive_errors += 1
            return
        except Exception as error:  # noqa: BLE001
            self._on_fault("RTCP", error)
            return
        self._rtcp_received += 1
        try:
            events = self._session.receive_control(datagram, source[:2], time.monotonic())
            if events:
                self._on_events(events)
        except Exception as error:  # noqa: BLE001
            self._on_fault("RTCP", error)

    def _on_timer(self) -> None:
        self._timer = None
        try:
            events = self._session.handle_timer(time.monotonic())
            self._send_control(self._session.take_control())
            kept_alive = self._session.keepalive.take()
            if kept_alive is not None:
                self._send_datagram(*kept_alive, self._rtp)
            self.reschedule()
            if self._dtls is not None:
                for event in events:
                    if isinstance(event, MediaTimeout):
                        event.why = self._dtls[0].trouble
            if events:
                self._on_events(events)
        except Exception as error:  # noqa: BLE001
            self._on_fault("RTP timer", error)

    def _shaken(self) -> None:
        """A handshake has gone a step on."""
        if self._loop is None or self._dtls is None:
            return
        if self._dtls_timer is not None:
            self._dtls_timer.cancel()
            self._dtls_timer = None
        deadlines = [at for one in self._dtls if (at := one.deadline) is not None]
        if deadlines:
            delay_s = max(0.0, min(deadlines) - time.monotonic())
            self._dtls_timer = self._loop.call_later(delay_s, self._poll_handshakes)
        if self._dtls[0].suite:
            self.on_secured()

    def _poll_handshakes(self) -> None:
        self._dtls_timer = None
        try:
            for one in self._dtls or ():
                one.poll()
        except Exception as error:  # noqa: BLE001
            self._on_fault("DTLS timer", error)

    def _send_control(self, control: Control | None) -> None:
        if control is not None:
            # From the RTP port when they share it: the peer answers to the address it came from.
            udp = self._rtp if control.muxed else self._rtcp
            self._send_datagram(control.datagram, control.target, udp)

    def _send_datagram(self, datagram: bytes, target: Address, udp: Datagrams) -> bool:
        try:
            udp.sendto(datagram, target)
        except BlockingIOError:
            self._send_blocked += 1
            return False
        except OSError:  # unreachable, refused by a firewall: that does not end the call
            self._send_errors += 1
            return False
        if self.tap is not None and udp is self._rtp:
            self.tap(time.monotonic(), True, target, datagram)
        return True


def _raise(_where: str, error: Exception) -> None:
    raise error


def senders_so_far(reserved: ReservedPort) -> frozenset[Address]:
    """The sources of what waits at a port that signalling has not named yet; it is dropped."""
    sources: set[Address] = set()
    _drain(reserved.rtp_socket, sources)
    return frozenset(sources)


def _nothing(*_arguments: object) -> None:
    """In the place of a callback, once the transport is closed."""


def _drain(udp: socket.socket, sources: set[Address] | None = None) -> int:
    for count in range(_MAX_DRAIN):
        try:
            _, source = udp.recvfrom(1)
        except BlockingIOError:
            return count
        except OSError:
            continue  # a pending ICMP error, reported once
        if sources is not None and len(sources) < _MAX_EARLY:
            sources.add(source[:2])
    return _MAX_DRAIN
