"""A fuzzer of SIP: messages by grammar and by mutation, in and out of dialogs, against a real edge.

    grammar ──▶ mutations ──▶ plan ──▶ drive ──▶ edge ◀── judge
     what SIP is   what is wrong   cases   sockets        what must hold meanwhile

A case is made of its seed and its number alone, so that it can be sent again. What only the edge
knows (its tags, its Contact) stands in a message as a placeholder, filled when it is sent.
"""
