"""Whether a certificate is of one of some authorities, asked of the OpenSSL that pjsua2 is built
with.

pjsip's own answer does not hold: it is made in the full handshake only. A client with a certificate
of its own making, which is told that it is refused and then resumes its session, counts as checked
(seen with 2.17, TLS 1.2 and 1.3). The certificate itself is known in both cases, so it is checked
here; that the client has its key was shown when the session began.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int, c_long, c_ulong, c_void_p
from functools import cache
from typing import Any, Final

from pjsua2 import _pjsua2

_PARTIAL_CHAIN: Final = 0x80000
"""X509_V_FLAG_PARTIAL_CHAIN: an authority below the root is believed, too."""
_UNREADABLE: Final = "the certificate cannot be read"


class Authorities:
    """Those of a file in PEM, which was checked before."""

    def __init__(self, file: str) -> None:
        self._library = _library()
        self._store = c_void_p(self._library.X509_STORE_new())
        self._library.X509_STORE_set_flags(self._store, c_ulong(_PARTIAL_CHAIN))
        if self._library.X509_STORE_load_file(self._store, file.encode()) != 1:
            self._library.ERR_clear_error()
            self.close()
            raise ValueError("no authorities in the file")

    def close(self) -> None:
        store, self._store = self._store, c_void_p()
        self._library.X509_STORE_free(store)

    def refusal_of(self, pem: str) -> str:
        """Why the certificate of a client is not believed; empty: it is."""
        library = self._library
        text = pem.encode()
        source = c_void_p(library.BIO_new_mem_buf(text, c_int(len(text))))
        found = c_void_p(library.PEM_read_bio_X509(source, None, None, None))
        library.BIO_free(source)
        context = c_void_p(library.X509_STORE_CTX_new())
        try:
            if found.value is None or not library.X509_STORE_CTX_init(
                context, self._store, found, None
            ):
                return _UNREADABLE
            library.X509_STORE_CTX_set_default(context, b"ssl_client")
            if library.X509_verify_cert(context) == 1:
                return ""
            error = c_long(library.X509_STORE_CTX_get_error(context))
            return bytes(library.X509_verify_cert_error_string(error)).decode()
        finally:
            library.X509_STORE_CTX_free(context)
            library.X509_free(found)
            library.ERR_clear_error()


def is_new_enough() -> bool:
    """Whether it is OpenSSL 3 or newer; the ones before get no security fixes."""
    return hasattr(ctypes.CDLL(_pjsua2.__file__), "OPENSSL_version_major")


@cache
def _library() -> Any:
    library = ctypes.CDLL(_pjsua2.__file__)
    for name in ("X509_STORE_new", "BIO_new_mem_buf", "PEM_read_bio_X509", "X509_STORE_CTX_new"):
        getattr(library, name).restype = c_void_p
    library.X509_verify_cert_error_string.restype = c_char_p
    return library
