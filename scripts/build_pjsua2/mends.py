"""Where we change pjproject, and why: each a small edit at a place that must be there just once.

A version in which a place is gone stops the build: who takes a newer pjproject must look whether
the mend is still needed.
"""

from pathlib import Path

from fixes import FIXES
from mend import Mend
from shell import BuildError

CONNECTIONS = Path(__file__).with_name("connections.cpp")
NEW_REQUEST = Path(__file__).with_name("new_request.cpp")
TLS_KEYS = Path(__file__).with_name("tls_keys.cpp")


MENDS = [
    # RFC 3261 12.2.2: a request that matches no dialog gets 481. pjsip goes by the tags alone, so
    # a BYE with another call's Call-ID would end this one.
    Mend(
        "pjsip/src/pjsip/sip_ua_layer.c",
        "pj_stricmp(&dlg->remote.info->tag, from_tag) == 0",
        "pj_stricmp(&dlg->remote.info->tag, from_tag) == 0 &&"
        " !pj_strcmp(&dlg->call_id->id, &rdata->msg_info.cid->id)",
    ),
    # RFC 3261 8.2.1: a request that no module here understands gets a refusal, not silence: a PBX
    # that looks after its peers by NOTIFY or INFO would think that we are dead.
    Mend(
        "pjsip/src/pjsip/sip_endpoint.c",
        "if (!handled) {",
        "if (!handled) {\n"
        "        const pjsip_method_e method = msg->line.req.method.id;\n"
        "        if (msg->type == PJSIP_REQUEST_MSG && method != PJSIP_ACK_METHOD &&\n"
        "            method != PJSIP_CANCEL_METHOD)\n"
        "            pjsip_endpt_respond_stateless(endpt, rdata, 501, NULL, NULL, NULL);\n",
    ),
    # `Contact: *` in an answer to REGISTER has no URI: a registrar, or who can answer in its place,
    # could end the process. Other readers of a Contact look first. Found by tests/fuzz/sip.py.
    Mend(
        "pjsip/src/pjsip-ua/sip_reg.c",
        "if (hdr->type == PJSIP_H_CONTACT && ",
        "if (hdr->type == PJSIP_H_CONTACT && ((const pjsip_contact_hdr*)hdr)->uri &&",
    ),
    # snprintf tells how long the Content-Type of a MESSAGE would have been, and so much was read of
    # a buffer of 256 bytes. Found by tests/fuzz/sip.py.
    Mend(
        "pjsip/src/pjsua-lib/pjsua_im.c",
        "if (mime_type.slen < 1)",
        "if (mime_type.slen >= (pj_ssize_t)sizeof(buf))\n"
        "                mime_type.slen = sizeof(buf) - 1;\n"
        "            if (mime_type.slen < 1)",
    ),
    # pjsua answers each OPTIONS with 200, also when no call would be taken, and keeps 66 kB of each
    # INVITE that it refuses for 32 s. A request with the tags of a call is the call's for it, from
    # whatever source. pjsua2 has no callback for the moment before; these are two, in its own
    # style: the decisions are `Library.onNewRequest`'s in sipua/sip/pj/library.py and
    # `PjCall.onCallRxRequest`'s in sipua/sip/pj/call.py.
    Mend(
        "pjsip/include/pjsua2/endpoint.hpp",
        "/**\n * Parameter of Endpoint::handleIpChange().",
        "/** Of Endpoint::onNewRequest(): a statusCode of 300 to 699 refuses, 1 drops. */\n"
        "struct OnNewRequestParam\n"
        "{\n"
        "    SipRxData           rdata;\n"
        "    string              method;\n"
        "    int                 port; /* of ours, with a connection; else 0 */\n"
        "    /** It says to be within a dialog, and there is none for it: statusCode is 481. */\n"
        "    bool                within;\n"
        "    int                 statusCode;\n"
        "    string              reason;\n"
        "    SipHeaderVector     headers;\n"
        "};\n\n"
        "/** Of Endpoint::onNewConnection(). */\n"
        "struct OnNewConnectionParam\n"
        "{\n"
        "    int                 socket;\n"
        "    string              peer;\n"
        "    int                 port; /* of ours */\n"
        "    bool                refused;\n"
        "};\n\n"
        "/** Of Endpoint::onTlsConnect(): files, where `own` says so. */\n"
        "struct OnTlsConnectParam\n"
        "{\n"
        "    string              host;\n"
        "    string              address;\n"
        "    bool                own;\n"
        "    string              certificate;\n"
        "    string              key;\n"
        "    string              authorities;\n"
        "    bool                verify;\n"
        "};\n\n"
        "/** Of Endpoint::onDialogConnection(). */\n"
        "struct OnDialogConnectionParam\n"
        "{\n"
        "    string              peer;\n"
        "    int                 port; /* of ours */\n"
        "};\n\n"
        "/**\n * Parameter of Endpoint::handleIpChange().",
    ),
    Mend(
        "pjsip/include/pjsua2/endpoint.hpp",
        "    /**\n     * This callback can be used by application to override the account\n",
        "    /** A request that would begin something; see new_request.cpp of sipua's build. */\n"
        "    virtual void onNewRequest(OnNewRequestParam &prm)\n"
        "    { PJ_UNUSED_ARG(prm); }\n\n"
        "    /** A peer connects; see connections.cpp of sipua's build. */\n"
        "    virtual void onNewConnection(OnNewConnectionParam &prm)\n"
        "    { PJ_UNUSED_ARG(prm); }\n"
        "    virtual void onConnectionEnd(int socket)\n"
        "    { PJ_UNUSED_ARG(socket); }\n"
        "    virtual void onDialogConnection(OnDialogConnectionParam &prm)\n"
        "    { PJ_UNUSED_ARG(prm); }\n\n"
        "    /** We connect by TLS; see tls_keys.cpp of sipua's build. */\n"
        "    virtual void onTlsConnect(OnTlsConnectParam &prm)\n"
        "    { PJ_UNUSED_ARG(prm); }\n\n"
        "    /**\n     * This callback can be used by application to override the account\n",
    ),
    Mend(
        "pjsip/include/pjsua2/call.hpp",
        "/**\n * This structure contains parameters for Call::onCallReplaceRequest()\n",
        "/** Of Call::onCallRxRequest(). */\n"
        "struct OnCallRxRequestParam\n"
        "{\n"
        "    SipRxData           rdata;\n"
        "    string              method;\n"
        "    /** Of the dialog's remote target and its route set. */\n"
        "    StringVector        hosts;\n"
        "    /** To be set by the application: as if there were no such dialog. */\n"
        "    bool                refused;\n"
        "};\n\n"
        "/**\n * This structure contains parameters for Call::onCallReplaceRequest()\n",
    ),
    Mend(
        "pjsip/include/pjsua2/call.hpp",
        "    virtual void onCallReplaceRequest(OnCallReplaceRequestParam &prm)\n"
        "    { PJ_UNUSED_ARG(prm); }\n",
        "    virtual void onCallReplaceRequest(OnCallReplaceRequestParam &prm)\n"
        "    { PJ_UNUSED_ARG(prm); }\n\n"
        "    /** A request within the call; see new_request.cpp of sipua's build. */\n"
        "    virtual void onCallRxRequest(OnCallRxRequestParam &prm)\n"
        "    { PJ_UNUSED_ARG(prm); }\n",
    ),
    Mend(
        "pjsip/src/pjsua2/endpoint.cpp",
        "void Endpoint::libInit(const EpConfig &prmEpConfig)",
        f"{CONNECTIONS.read_text()}\n{TLS_KEYS.read_text()}\n{NEW_REQUEST.read_text()}\n"
        "void Endpoint::libInit(const EpConfig &prmEpConfig)",
    ),
    Mend(
        "pjsip/src/pjsua2/endpoint.cpp",
        "    PJSUA2_CHECK_EXPR( pjsua_init(&ua_cfg, &log_cfg, &med_cfg) );",
        "    PJSUA2_CHECK_EXPR( pjsua_init(&ua_cfg, &log_cfg, &med_cfg) );\n"
        "    PJSUA2_CHECK_EXPR( pjsip_endpt_register_module(pjsua_get_pjsip_endpt(),\n"
        "                                                   &new_request_module) );\n"
        "    sipua_may_connect = &may_connect;\n"
        "    sipua_socket_closes = &socket_closes;\n"
        "    sipua_tls_keys = &tls_keys;",
    ),
    # Certificate and authorities of a connection that we make (tls_keys.cpp).
    Mend(
        "pjsip/src/pjsip/sip_transport_tls.c",
        "/* This callback is called by transport manager for the TLS factory\n"
        " * to create outgoing transport to the specified destination.\n */\n",
        "pj_bool_t (*sipua_tls_keys)(pj_pool_t*, const pj_str_t*, const pj_sockaddr_t*,\n"
        "                            pj_ssl_cert_t**, pj_bool_t*) = NULL;\n\n"
        "/* This callback is called by transport manager for the TLS factory\n"
        " * to create outgoing transport to the specified destination.\n */\n",
    ),
    Mend(
        "pjsip/src/pjsip/sip_transport_tls.c",
        "    /* Apply SSL certificate */\n    if (listener->cert) {\n"
        "        status = pj_ssl_sock_set_certificate(ssock, pool, listener->cert);",
        "    /* Apply SSL certificate */\n"
        "    pj_ssl_cert_t *keys = listener->cert;\n"
        "    pj_bool_t verify_server = listener->tls_setting.verify_server;\n"
        "    if (sipua_tls_keys)\n"
        "        (*sipua_tls_keys)(pool, &remote_name, rem_addr, &keys, &verify_server);\n"
        "    if (keys) {\n"
        "        status = pj_ssl_sock_set_certificate(ssock, pool, keys);",
    ),
    Mend(
        "pjsip/src/pjsip/sip_transport_tls.c",
        "    /* Start asynchronous connect() operation */\n    tls->has_pending_connect = PJ_TRUE;",
        "    tls->verify_server = verify_server;\n\n"
        "    /* Start asynchronous connect() operation */\n    tls->has_pending_connect = PJ_TRUE;",
    ),
    # pjsip takes every connection, and spends 140 KB or a handshake on it before anything is told.
    # So the application is asked when it is accepted (connections.cpp), and told when it is closed.
    Mend(
        "pjlib/src/pj/activesock.c",
        "static void ioqueue_on_accept_complete(pj_ioqueue_key_t *key, \n"
        "                                       pj_ioqueue_op_key_t *op_key,\n"
        "                                       pj_sock_t new_sock, \n"
        "                                       pj_status_t status)\n{\n",
        "#include <pj/os.h>\n#include <errno.h>\n\n"
        "pj_bool_t (*sipua_may_connect)(pj_sock_t, const pj_sockaddr_t*) = NULL;\n\n"
        "static void ioqueue_on_accept_complete(pj_ioqueue_key_t *key, \n"
        "                                       pj_ioqueue_op_key_t *op_key,\n"
        "                                       pj_sock_t new_sock, \n"
        "                                       pj_status_t status)\n{\n"
        "    unsigned accepted = 0;\n",
    ),
    Mend(
        "pjlib/src/pj/activesock.c",
        "        if (status==PJ_SUCCESS && (asock->cb.on_accept_complete2 || ",
        "        if (status==PJ_SUCCESS && sipua_may_connect &&\n"
        "            !(*sipua_may_connect)(accept_op->new_sock, &accept_op->rem_addr))\n"
        "        {\n"
        "            /* It is closed. */\n"
        "        } else if (status==PJ_SUCCESS && (asock->cb.on_accept_complete2 || ",
    ),
    Mend(
        "pjlib/src/pj/sock_bsd.c",
        "PJ_DEF(pj_status_t) pj_sock_close(pj_sock_t sock)\n{\n    int rc;\n",
        "void (*sipua_socket_closes)(pj_sock_t) = NULL;\n\n"
        "PJ_DEF(pj_status_t) pj_sock_close(pj_sock_t sock)\n{\n    int rc;\n\n"
        "    if (sipua_socket_closes)\n"
        "        (*sipua_socket_closes)(sock);\n",
    ),
    # pjsip accepts for as long as somebody connects: a flood of connections would keep it from all
    # else. And where no descriptor is left it tries 50 times within the same microseconds and then
    # never again. Now it accepts 64 and lets others have their turn; after an error, too, which
    # `PJ_ACTIVESOCK_MAX_CONSECUTIVE_ACCEPT_ERROR` in config_site.h does not count any more.
    Mend(
        "pjlib/src/pj/activesock.c",
        "        accept_op->new_sock = PJ_INVALID_SOCKET;",
        "        accept_op->new_sock = PJ_INVALID_SOCKET;\n"
        "        if (status != PJ_SUCCESS || ++accepted == 64)\n"
        "            accept_op->new_sock = -2; /* not at once: see pj_ioqueue_accept() */\n"
        "        if (status == PJ_STATUS_FROM_OS(EMFILE) || status == PJ_STATUS_FROM_OS(ENFILE))\n"
        "            pj_thread_sleep(1); /* the connection waits, and so each poll ends at once */",
    ),
    Mend(
        "pjlib/src/pj/ioqueue_common_abs.c",
        "    if (pj_list_empty(&key->accept_list)) {\n        status = pj_sock_accept(",
        "    if (pj_list_empty(&key->accept_list) && *new_sock != -2) {\n"
        "        status = pj_sock_accept(",
    ),
]


def apply(tree: Path) -> None:
    for mend in [*MENDS, *FIXES]:
        path = tree / mend.file
        text = path.read_text(encoding="latin-1")
        if text.count(mend.place) != 1:
            raise BuildError(
                f"{mend.file}: {text.count(mend.place)} places for a mend, expected 1; is this "
                "another version of pjproject? See scripts/build_pjsua2/mends.py"
            )
        path.write_text(text.replace(mend.place, mend.becomes), encoding="latin-1")
