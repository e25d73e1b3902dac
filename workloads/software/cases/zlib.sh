# Round trips through zlib's own tools, of megabytes, and through gzip and pigz.
zlib-example scratch.gz
cat text text >big
cat big big >data
zlib-minigzip <data >data.gz; zlib-minigzip -d <data.gz | cmp - data && echo minigzip
gzip -d -c data.gz | cmp - data && echo gzip reads it
gzip -9 -n -c data >best.gz; zlib-minigzip -d <best.gz | cmp - data && echo and writes for it
cp data copy; zlib-minigzip -1 copy; ls copy*; zlib-minigzip -d copy.gz; cmp copy data && echo files
pigz -n -p 4 -b 128 -c data >pigz.gz; gzip -t pigz.gz && echo pigz; pigz -d -c best.gz | cmp - data && echo reads
wc -c data; sha256sum data data.gz best.gz pigz.gz
