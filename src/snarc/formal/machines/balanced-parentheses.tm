# Accepts balanced words of parentheses: find the first ), cross out the ( before it, and so on.
name: balanced parentheses
start: close
accept: YES
reject: NO
close ( -> ( R close
close x -> x R close
close ) -> x L open
close _ -> _ L check     # no ) is left
open ( -> x R close
open x -> x L open
open ) -> ) S NO         # never happens: the first ) was taken
open _ -> _ S NO         # a ) without its (
check ( -> ( S NO        # a ( without its )
check x -> x L check
check ) -> ) S NO        # never happens
check _ -> _ S YES
