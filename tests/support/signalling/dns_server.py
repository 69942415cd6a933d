"""A DNS server of our own on loopback: its records can be changed, it can be slow, or dead."""

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

import dns.exception
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from support.ports import LOOPBACK, PortBlock

TTL_S = 5


class DnsServer:
    """`dead`: it reads questions and answers none; `delay_s`: it answers late; `refuses`: SERVFAIL
    is its answer."""

    def __init__(self) -> None:
        self.dead = False
        self.delay_s = 0.0
        self.refuses = False
        self.silent_about: set[str] = set()  # kinds of records
        self.asked: list[tuple[str, str]] = []
        self._records: dict[tuple[str, str], dns.rrset.RRset] = {}
        self._names: set[str] = set()
        self._timers: list[threading.Timer] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ports = PortBlock()
        port = self._ports.port()
        self._socket.bind((LOOPBACK, port))
        self.address = f"{LOOPBACK}:{port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def set(self, name: str, kind: str, *values: str, ttl_s: int = TTL_S) -> None:
        """`set("pbx.test", "SRV", "10 5 5060 a.test.")`; without values the record goes."""
        self._names.add(name)
        if values:
            records: Sequence[str] = values
            self._records[name, kind] = dns.rrset.from_text(f"{name}.", ttl_s, "IN", kind, *records)
        else:
            self._records.pop((name, kind), None)

    def close(self) -> None:
        with suppress(OSError):  # wakes the thread
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()
        self._ports.close()
        for timer in self._timers:
            timer.cancel()

    def _serve(self) -> None:
        while True:
            try:
                wire, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            if not wire:
                return
            try:
                query = dns.message.from_wire(wire)
            except dns.exception.DNSException:
                continue  # RTP to a port that was another process's
            name = query.question[0].name.to_text(omit_final_dot=True).lower()
            kind = dns.rdatatype.to_text(query.question[0].rdtype)
            self.asked.append((name, kind))
            if self.dead or kind in self.silent_about:
                continue
            answer = self._answer(query, name, kind)
            if self.delay_s:
                timer = threading.Timer(self.delay_s, self._send, (answer, peer))
                timer.daemon = True
                timer.start()
                self._timers.append(timer)
            else:
                self._send(answer, peer)

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> bytes:
        answer = dns.message.make_response(query)
        found = self._records.get((name, kind))
        if self.refuses:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif found is not None:
            answer.answer.append(found)
        elif name not in self._names:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()

    def _send(self, answer: bytes, peer: tuple[str, int]) -> None:
        with suppress(OSError):
            self._socket.sendto(answer, peer)
