# Busy beaver of 3 states that writes the most ones (Lin and Rado 1965): 14 steps, 6 ones.
name: busy beaver, 3 states, most ones
blank: 0
start: A
accept: H
A 0 -> 1 R B
A 1 -> 1 R H
B 0 -> 0 R C
B 1 -> 1 R B
C 0 -> 1 L C
C 1 -> 1 L A
