# A build by make and the same by ninja, in parallel.
mkdir -p src
for i in 1 2 3 4 5 6 7 8; do echo "unit $i" >src/u$i.c; done
cat >Makefile <<'END'
units := $(patsubst src/%.c,obj/%.o,$(sort $(wildcard src/*.c)))
.PHONY: all clean
all: program
program: $(units)
	cat $^ >$@
obj/%.o: src/%.c | obj
	tr a-z A-Z <$< >$@
obj:
	mkdir obj
clean: ; rm -rf obj program
define twice
$(1) $(1)
endef
$(info $(call twice,said) $(words $(units)) $(shell echo from a shell))
END
make -s -j 4 && cat program; make -q && echo up to date; sleep 1.1; echo changed >src/u3.c; make -n; make -s; sed -n 3p program
make nothing 2>&1; echo "status $?"; make -s clean
cat >build.ninja <<'END'
rule up
  command = mkdir -p obj && tr a-z A-Z <$in >$out
  description = UP $out
rule join
  command = cat $in >$out
build obj/1: up src/u1.c
build obj/2: up src/u2.c
build obj/3: up src/u3.c
build obj/4: up src/u4.c
build joined: join obj/1 obj/2 obj/3 obj/4
END
ninja -j 4 >log; tail -n 1 log | grep -o 'joined\|\[5/5\]' | sort -u; cat joined; ninja; ninja -t commands joined | wc -l; ninja none 2>&1; echo "status $?"
rm -r obj log .ninja_*
printf 'define(`twice'"'"', `$1 $1'"'"')twice(m4) eval(2**16) len(abc)\n' | m4
