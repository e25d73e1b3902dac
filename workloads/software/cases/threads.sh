# Programs that do their work in several threads.
cat text text text >data
xz -T 4 --block-size=200KiB -1 -c data >data.xz; xz -d -T 4 -c data.xz | cmp - data && sha256sum data.xz
zstd -q -T4 -3 -c data >data.zst; zstd -q -d -c data.zst | cmp - data && sha256sum data.zst
sort --parallel=4 -S 8M -k2 data | sha256sum
pigz -n -p 3 -b 128 -c data | gzip -d | cmp - data && echo pigz
rg --sort path -c 'line 9' data text; rg -n --sort path 'line 77[0-9]:' text | head -n 4
rg -j 4 --no-ignore -l 'line 100:' . | sort
fzf --filter 'lin 1234' <text | head -n 5
