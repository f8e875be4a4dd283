# Busy beaver of 3 states that makes the most steps (Lin and Rado 1965): 21 steps, 5 ones.
name: busy beaver, 3 states, most steps
blank: 0
start: A
accept: H
A 0 -> 1 R B
A 1 -> 1 R H
B 0 -> 1 L B
B 1 -> 0 R C
C 0 -> 1 L C
C 1 -> 1 L A
