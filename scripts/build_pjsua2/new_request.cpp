/* The application is asked about requests before pjsip spends a transaction, a dialog or a call on
 * them. mends.py puts this file into pjsua2's endpoint.cpp, before Endpoint::libInit(), which
 * registers the module.
 *
 *   Call::onCallRxRequest()    a request within a call: whether this source may send it
 *   Endpoint::onNewRequest()   one that would begin something; or that says to be within a dialog
 *                              which is not there, or not for its source: these look the same
 *
 * The module sits behind the transaction layer, which knows retransmissions of what was accepted,
 * and before the dialogs. What is refused is refused without a transaction (RFC 3261 8.2.7): each
 * retransmission is asked about again and gets the same answer, and nothing is kept.
 */
static pjsip_dialog *dialog_of_cancel(pjsip_rx_data *rdata, bool &found)
{
    pj_str_t key;
    pjsip_tsx_create_key(rdata->tp_info.pool, &key, PJSIP_ROLE_UAS, pjsip_get_invite_method(),
                         rdata);
    pjsip_transaction *invite = pjsip_tsx_layer_find_tsx2(&key, PJ_TRUE);
    found = invite != NULL;
    if (!found)
        return NULL;
    pjsip_dialog *dialog = pjsip_tsx_get_dlg(invite);
    pj_grp_lock_dec_ref(invite->grp_lock);
    return dialog;
}

static pjsip_dialog *dialog_of(pjsip_rx_data *rdata, bool &found)
{
    if (rdata->msg_info.msg->line.req.method.id == PJSIP_CANCEL_METHOD)
        return dialog_of_cancel(rdata, found);

    const pj_str_t *call_id = &rdata->msg_info.cid->id;
    const pj_str_t *ours = &rdata->msg_info.to->tag, *theirs = &rdata->msg_info.from->tag;
    pjsip_dialog *dialog = pjsip_ua_find_dialog(call_id, ours, theirs, PJ_FALSE);
    if (!dialog) { /* of our own request: the peer may send one before its first answer is here */
        const pj_str_t not_known_yet = { NULL, 0 };
        dialog = pjsip_ua_find_dialog(call_id, ours, &not_known_yet, PJ_FALSE);
    }
    found = dialog != NULL;
    return dialog;
}

static void add_host(StringVector &hosts, const pjsip_uri *uri)
{
    const pjsip_uri *inner = uri ? (const pjsip_uri*) pjsip_uri_get_uri(uri) : NULL;
    if (inner && (PJSIP_URI_SCHEME_IS_SIP(inner) || PJSIP_URI_SCHEME_IS_SIPS(inner)))
        hosts.push_back(pj2Str(((const pjsip_sip_uri*) inner)->host));
}

/* A dialog without a call of pjsua2's (it has ended, or is none) has nothing to be asked. */
static bool may_enter(pjsip_dialog *dialog, pjsip_rx_data *rdata)
{
    if (!dialog)
        return true;
    const pjsua_call *of = (const pjsua_call*) dialog->mod_data[pjsua_var.mod.id];
    /* pjsua leaves the pointer when the call is over; its place is another call's by then. */
    if (!of || !of->inv || of->inv->dlg != dialog)
        return true;
    Call *call = Call::lookup(of->index);
    if (!call)
        return true;

    OnCallRxRequestParam prm;
    prm.method = pj2Str(rdata->msg_info.msg->line.req.method.name);
    prm.rdata.fromPj(*rdata);
    prm.refused = false;
    add_host(prm.hosts, dialog->target);
    const pjsip_route_hdr *route = dialog->route_set.next;
    for (; route != &dialog->route_set; route = route->next)
        add_host(prm.hosts, route->name_addr.uri);
    call->onCallRxRequest(prm);
    return !prm.refused;
}

static pj_bool_t ask_about_request(pjsip_rx_data *rdata)
{
    const pjsip_method &method = rdata->msg_info.msg->line.req.method;
    const bool within = method.id == PJSIP_CANCEL_METHOD ||
        (rdata->msg_info.to->tag.slen && method.id != PJSIP_REGISTER_METHOD);

    /* pjsip goes by the method in CSeq. With two methods the dialog that is looked at here and the
     * one that it enters could be two: such a request is of none. */
    const bool one_method =
        pjsip_method_cmp(&method, &rdata->msg_info.cseq->method) == 0;

    if (within && one_method) {
        bool found = false;
        pjsip_dialog *dialog = dialog_of(rdata, found);
        if (found && may_enter(dialog, rdata)) {
            tell_dialog(rdata); /* connections.cpp */
            return PJ_FALSE;
        }
    }
    if (method.id == PJSIP_ACK_METHOD)
        return within; /* it never gets an answer; that of a refusal has our tag */

    OnNewRequestParam prm;
    prm.method = pj2Str(method.name);
    prm.rdata.fromPj(*rdata);
    prm.port = rdata->tp_info.transport->flag & PJSIP_TRANSPORT_DATAGRAM ? 0 :
               pj_sockaddr_get_port(&rdata->tp_info.transport->local_addr);
    prm.within = within;
    prm.statusCode = within ? PJSIP_SC_CALL_TSX_DOES_NOT_EXIST : 0;
    Endpoint::instance().onNewRequest(prm);
    if (prm.statusCode == 1)
        return PJ_TRUE; /* taken, and never answered */
    if (prm.statusCode < 300 || prm.statusCode > 699)
        return PJ_FALSE;

    pjsip_hdr headers;
    pj_list_init(&headers);
    for (size_t i = 0; i < prm.headers.size(); ++i)
        pj_list_push_back(&headers, (pjsip_hdr*) &prm.headers[i].toPj());
    const pj_str_t reason = str2Pj(prm.reason);
    pjsip_endpt_respond_stateless(pjsua_get_pjsip_endpt(), rdata, prm.statusCode,
                                  prm.reason.empty() ? NULL : &reason, &headers, NULL);
    return PJ_TRUE;
}

static pjsip_module new_request_module =
{
    NULL, NULL,                             /* prev, next               */
    { (char*) "mod-new-request", 15 },      /* name                     */
    -1,                                     /* id                       */
    PJSIP_MOD_PRIORITY_TSX_LAYER + 1,       /* priority                 */
    NULL, NULL, NULL, NULL,                 /* load, start, stop, unload */
    &ask_about_request,                     /* on_rx_request            */
    NULL, NULL, NULL, NULL,                 /* the other callbacks      */
};
