# bc, dc and awk at arithmetic of any length.
echo 'scale=200; 4*a(1)' | bc -l
echo 'define f(n) { if (n < 2) return 1; return n * f(n-1); } f(100); 2^521-1; sqrt(2); obase=16; 255^7' | bc
echo '20k 2 v p 5 3 ^ p 100 7 / p [la 1 + d sa 10 >x] sx 0 sa lx x la p' | dc
for awk in mawk gawk; do
  $awk 'BEGIN { for (i = 1; i <= 200000; ++i) { s += sin(i) * sqrt(i); h = (h * 31 + i) % 1000003 } printf "%.10f %d\n", s, h
    n = split("a,b;c d", p, /[,; ]/); print n, p[3], toupper(p[4]); x = "banana"; print gsub(/an/, "<&>", x), x
    while (("seq 1 5" | getline v) > 0) t = t v; print t, match("foobar", /o+/), RSTART, RLENGTH, substr("hello", 2, 3) }'
done
