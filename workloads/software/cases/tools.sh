# Text and file tools in pipelines.
awk=$1
seq 1 3000 | $awk '{print "line", $1, ($1 * $1) % 97, substr("abcdefghijklmnop", $1 % 13 + 1, 4)}' >lines
sort -k3n -k2n lines | head -n 5
sort -u -k4 lines | cut -d' ' -f4 | tr '\n' ' '; echo
$awk '{c[$4]++; s += $3} END {for (k in c) print k, c[k] | "sort"; close("sort"); print s}' lines
grep -c 'line [0-9]*7 ' lines; grep -E -n '^line (10|20|30)0 ' lines; grep -v a lines | grep -o '[b-e]*' | sort | uniq -c
sed -n -e '5,8s/line/LINE/p' -e '/^line 9 /,/^line 11 /p' lines; sed -e 's/\([a-z]*\) \([0-9]*\)/\2 \1/' -e 2q lines
head -n 3 lines | tac; tail -n 2 lines | rev 2>/dev/null || echo no rev; wc lines; nl lines | tail -n 1
md5sum lines; sha256sum lines; sha512sum lines; b2sum lines; cksum lines; od -A d -t x1z lines | head -n 3
split -l 1000 lines part.; ls part.*; cat part.* | cmp - lines && echo whole; paste part.aa part.ab | head -n 2
head -n 50 lines | sort -k4 >a; tail -n +30 lines | head -n 50 | sort -k4 >b; join -1 4 -2 4 a b | head -n 5; sort a >a1
sort b >b1; comm -12 a1 b1 | wc -l; diff a b | head -n 6; diff -u a1 b1 | tail -n +3 | head -n 8; cmp a b
mkdir -p tree/x/y tree/z; cp lines tree/x/y/one; cp -p a tree/z/two; ln -s ../z/two tree/x/link; ln tree/z/two tree/hard
find tree -type f | sort; find tree -name 'o*' -exec wc -c {} +; find tree -type l -exec readlink {} \; ; du -a tree >/dev/null
tar -c -f tree.tar --sort=name --mtime=@0 --owner=root:0 --group=root:0 tree; tar -t -f tree.tar; mkdir out; tar -x -f tree.tar -C out; diff -r tree out/tree && echo the same
cpio --version >/dev/null 2>&1; mv out/tree/z/two out/moved; rm -r out/tree; ls -R out; rmdir nothere 2>&1; stat -c '%s %F %h' tree/hard
for tool in gzip bzip2 xz zstd; do
  cat lines | $tool -c >lines.$tool; $tool -d -c lines.$tool | cmp - lines && echo "$tool: same"
  dd if=lines.$tool of=cut.$tool bs=100 count=20 2>/dev/null; $tool -d -c cut.$tool >/dev/null 2>&1 || echo "$tool: damage seen"
done
printf '%s\n' 5 3 9 | xargs -n 1 expr 2 '*'; seq 1 20 | xargs -P 4 -n 5 echo | sort; echo 'a b c' | tee t1 t2 | cat - t1 t2
dd if=/dev/zero bs=64k count=16 2>/dev/null | tr '\0' x | fold -w 100 | uniq -c; truncate -s 1M hole; wc -c hole; cmp hole /dev/zero 2>&1
shuf -i 1-1000 --random-source=lines | sha1sum; factor 600851475143 1000003 18446744073709551557; numfmt --to=iec 123456789
expr length hello + 3; basename /a/b.c .c; dirname /a/b.c; date -u -d @1000000000 '+%F %T'; printf '%5.2f|%-6s|%x\n' 3.14159 ab 255
timeout 0.05 sleep 5; echo "timeout: $?"; nice -n 5 true && env -i A=1 env
base64 a | head -n 2; base64 a | base64 -d | cmp - a && echo base64; tsort <<END
a b
b c
END
rm -r tree out
