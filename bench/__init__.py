"""The measurements: what the project costs beside what its users would pick instead.

    python -m bench                 all of them
    python -m bench audit external  some

Every figure is CPU of whole processes or of threads, as the kernel counts it. What is compared is
measured in the same run, in turn, and the medians and their ratio are printed: single figures are
worth little on a machine that does other things too.
"""
