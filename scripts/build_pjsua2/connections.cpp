/* Endpoint::onNewConnection(): the application is asked about each connection that a peer makes, by
 * TCP or TLS, before pjsip has spent a byte or a handshake on it; one that it refuses is reset.
 * Endpoint::onConnectionEnd() tells of each that it took, whatever ends it. mends.py puts this file
 * into pjsua2's endpoint.cpp, and the two places that call it into pjlib: where a socket is accepted,
 * and where one is closed. So what has begun is told to end, on every way.
 *
 * A connection is known by its socket, and by our port and the peer's address: the latter is what
 * a request tells of the one that it came by.
 */
extern "C" {
extern pj_bool_t (*sipua_may_connect)(pj_sock_t, const pj_sockaddr_t*);
extern void (*sipua_socket_closes)(pj_sock_t);
}

/* By its number: whether a socket is a connection that the application has taken. */
static vector<bool> taken_sockets;

static string address_of(const pj_sockaddr_t *address)
{
    char text[PJ_INET6_ADDRSTRLEN + 10];
    return pj_sockaddr_print(address, text, sizeof(text), 3);
}

static pj_bool_t may_connect(pj_sock_t socket, const pj_sockaddr_t *peer)
{
    OnNewConnectionParam prm;
    pj_sockaddr local;
    int length = sizeof(local);
    prm.socket = (int) socket;
    prm.peer = address_of(peer);
    prm.port = pj_sock_getsockname(socket, &local, &length) == PJ_SUCCESS ?
               pj_sockaddr_get_port(&local) : 0;
    prm.refused = false;
    Endpoint::instance().onNewConnection(prm);
    if (prm.refused) {
        struct linger at_once = { 1, 0 }; /* a reset: nothing of it stays in the kernel, either */
        pj_sock_setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        pj_sock_close(socket);
        return PJ_FALSE;
    }
    if (taken_sockets.size() <= (size_t) socket)
        taken_sockets.resize(socket + 1);
    taken_sockets[socket] = true;
    return PJ_TRUE;
}

static void socket_closes(pj_sock_t socket)
{
    if (socket < 0 || taken_sockets.size() <= (size_t) socket || !taken_sockets[socket])
        return;
    taken_sockets[socket] = false;
    Endpoint::instance().onConnectionEnd((int) socket);
}

/* A request within a dialog that there is. */
static void tell_dialog(pjsip_rx_data *rdata)
{
    const pjsip_transport *transport = rdata->tp_info.transport;
    if ((transport->flag & PJSIP_TRANSPORT_DATAGRAM) || taken_sockets.empty())
        return;
    if (pjsip_ua_find_dialog(&rdata->msg_info.cid->id, &rdata->msg_info.to->tag,
                             &rdata->msg_info.from->tag, PJ_FALSE))
    {
        OnDialogConnectionParam prm;
        prm.peer = address_of(&rdata->pkt_info.src_addr);
        prm.port = pj_sockaddr_get_port(&transport->local_addr);
        Endpoint::instance().onDialogConnection(prm);
    }
}
