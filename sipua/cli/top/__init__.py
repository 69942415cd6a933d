"""`sipua top`: the calls of a running edge in a terminal, over its API.

keys.py bytes -> keys      model.py state + key -> state, order      frame.py state -> lines
fetching.py asks the API   terminal.py is the terminal               loop.py joins them
"""
