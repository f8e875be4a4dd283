# Accepts the words over a and b that read the same backwards: rub out both ends while they agree.
name: palindromes
start: first
accept: YES
reject: NO
first a -> _ R seek-a
first b -> _ R seek-b
first _ -> _ S YES
seek-a a -> a R seek-a
seek-a b -> b R seek-a
seek-a _ -> _ L last-a
seek-b a -> a R seek-b
seek-b b -> b R seek-b
seek-b _ -> _ L last-b
last-a a -> _ L back
last-a b -> b S NO
last-a _ -> _ S YES      # nothing is left: the word had odd length
last-b a -> a S NO
last-b b -> _ L back
last-b _ -> _ S YES
back a -> a L back
back b -> b L back
back _ -> _ R first
