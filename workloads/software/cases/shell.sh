# What a POSIX shell does: the same for every shell, and the same twice.
set -u
section() { echo "== $*"; }

section here-documents
name=world
cat <<END
hello $name, $((6 * 7)), $(echo from a command)
END
cat <<'END'
as it stands: $name $((6 * 7))
END
cat <<-END
	tabs go
	END

section functions
factorial() { if [ "$1" -le 1 ]; then echo 1; else echo $(($1 * $(factorial $(($1 - 1))))); fi; }
factorial 10
returns() { return "$1"; }
returns 7 || echo "status $?"
count() { echo "$#: $*"; }
count a "b c" d
set -- one two three
while [ $# -gt 0 ]; do printf '<%s>' "$1"; shift; done; echo

section loops and globs
mkdir -p glob/sub
for i in 1 2 3; do : >"glob/file$i.txt"; : >"glob/data$i"; done
: >glob/sub/deep.txt
echo glob/*.txt glob/data[12] glob/*/deep.* glob/none*
case glob/file1.txt in *.c) echo c ;; *.txt) echo text ;; *) echo else ;; esac
IFS=:; for part in a:b::c; do echo "[$part]"; done; v=a:b::c; for part in $v; do echo "[$part]"; done; IFS=' 	
'

section redirections
exec 3>out.txt
echo to three >&3
exec 3>&-
{ echo out; echo err >&2; } >both.txt 2>&1
cat out.txt both.txt
echo more >>out.txt
while read -r word rest; do echo "word=$word rest=$rest"; done <out.txt
cat <&- 2>/dev/null || echo closed
cat missing.txt 2>/dev/null || echo missing
set -C; (echo no >out.txt) 2>/dev/null || echo kept; set +C

section substitution
x=$(printf 'a\nb\n\n\n'); echo "[$x]"
echo "${unset:-default} ${name#w} ${name%ld} ${#name}"
path=/usr/lib/thing.tar.gz; echo "${path##*/} ${path%%.*} ${path%.*}"
echo "$(echo "nested $(echo "deep $(echo deeper)")")"

section pipelines
echo one two three | { read -r a b; echo "$b, then $a"; }
i=0; while [ $i -lt 200 ]; do echo "$i"; i=$((i + 1)); done | { s=0; while read -r n; do s=$((s + n)); done; echo $s; }
! false | true && echo false
(exit 3) | (cat; exit 4); echo "status $?"
yes | head -n 20000 | wc -l

section background
for i in 1 2 3 4; do (echo "job $i" >"job$i") & done; wait
cat job1 job2 job3 job4
(exit 9) & wait $!; echo "status $?"
sleep 5 & victim=$!; kill -TERM $victim; wait $victim 2>/dev/null; echo "killed: $?"
(sleep 0.01; echo late) & echo early; wait

section traps
trap 'echo caught USR1' USR1; kill -USR1 $$
trap '' USR2; kill -USR2 $$; echo ignored
(trap 'echo leaving' EXIT; echo inside)

section subshells
v=outer; (v=inner; echo $v); echo $v
(cd glob && ls); ls -d glob
umask 027; : >masked; ls -l masked | cut -c1-10
(set -e; false; echo not reached); echo "status $?"
eval 'echo $((1 << 20))'; test -d glob -a ! -e nothing && echo tested
getopts_test() { OPTIND=1; while getopts ab:c o; do printf '%s=%s ' "$o" "${OPTARG-}"; done; echo; }
getopts_test -a -b value -c
rm -r glob job? out.txt both.txt masked
exit 42
