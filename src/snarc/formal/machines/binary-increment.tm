# Adds 1 to a binary number: go to its end, then carry to the left.
name: binary increment
start: right
accept: DONE
right 0 -> 0 R right
right 1 -> 1 R right
right _ -> _ L carry
carry 1 -> 0 L carry
carry 0 -> 1 S DONE
carry _ -> 1 S DONE
