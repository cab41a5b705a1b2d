"""The door to Runware: one model, Qwen-Image-Edit-Plus (``runware:108@22``), over REST.

- ``schema``: the wire models, request and reply, in Runware's own names.
- ``errors``: Runware's codes as a few kinds, their sentences, and the exceptions.
- ``delivery``: bytes in, outcomes out; no I/O.
- ``imports``: a task in Runware's words, read as options.
- ``client``: the calls.
"""
