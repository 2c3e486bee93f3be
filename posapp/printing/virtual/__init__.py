"""A receipt printer without hardware: its buffer, paper, cover, power and answers.

`engine` is the machine, `commands` its ESC/POS parser, `server` its sockets, `sheets` what falls
out of it. Demo and tests print on it; it knows nothing of the till.
"""
