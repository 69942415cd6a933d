/* Endpoint::onNewRequest(): the application is asked about each request that would begin something,
 * before pjsip spends a transaction, a dialog or a call on it. mends.py puts this file into
 * pjsua2's endpoint.cpp, before Endpoint::libInit(), which registers the module.
 *
 * The module sits behind the transaction layer, which knows retransmissions of what was accepted,
 * and before the dialogs. What is refused is refused without a transaction (RFC 3261 8.2.7): each
 * retransmission is asked about again and gets the same answer, and nothing is kept.
 */
static pj_bool_t ask_about_request(pjsip_rx_data *rdata)
{
    const pjsip_method &method = rdata->msg_info.msg->line.req.method;

    /* Within a dialog, or about an earlier request. The ACK of a refusal carries our tag: the
     * dialog layer knows no such dialog and drops it. */
    if (rdata->msg_info.to->tag.slen || method.id == PJSIP_ACK_METHOD ||
        method.id == PJSIP_CANCEL_METHOD)
    {
        return PJ_FALSE;
    }

    OnNewRequestParam prm;
    prm.method = pj2Str(method.name);
    prm.rdata.fromPj(*rdata);
    prm.statusCode = 0;
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
