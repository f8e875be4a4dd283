# Busy beaver of 2 states (Rado 1962): 6 steps, 4 ones on an empty tape.
name: busy beaver, 2 states
blank: 0
start: A
accept: H
A 0 -> 1 R B
A 1 -> 1 L B
B 0 -> 1 L A
B 1 -> 1 R H
