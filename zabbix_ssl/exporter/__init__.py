"""Results for Prometheus over HTTP.

    service.py     the exporter: what is asked, what is answered
    results.py     the newest result of each target, as text that is kept ready
    compressed.py  one gzip file out of pieces
    probe.py       one target when it is asked for; explain.py tells it step by step
    allowed.py     who may be probed beside the configured targets
    own.py         what the exporter tells of itself
    pages.py       the start page, the list of targets
    server.py      HTTP, with bounds; threads.py runs beside it what blocks
    gate.py        TLS, users and headers by the web configuration file (web_config.py, login.py)
"""
