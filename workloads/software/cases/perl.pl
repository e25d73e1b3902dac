# Hashes, expressions, sorting, formats, files, processes.
use strict; use warnings; $| = 1;
my %count; $count{length $_}++ for map { "x" x ($_ * 7 % 11) } 1 .. 500;
print join(" ", map { "$_:$count{$_}" } sort { $a <=> $b } keys %count), "\n";
my $text = join "", map { chr(97 + ($_ * $_) % 26) } 1 .. 5000;
my $n = () = $text =~ /(?=([aeiou])[^aeiou]\1)/g; (my $t = $text) =~ s/([a-e])(.)/$2$1/g; print "$n ", unpack("%32C*", $t), "\n";
sub ack { my ($m, $n) = @_; $m == 0 ? $n + 1 : ack($m - 1, $n == 0 ? 1 : ack($m, $n - 1)) }
{ no warnings "recursion"; print ack(2, 40), "\n"; }
open my $f, ">", "perl.out" or die; printf $f "%05d %s\n", $_, "y" x ($_ % 50) for 1 .. 3000; close $f;
open $f, "<", "perl.out" or die; my ($lines, $bytes) = (0, 0); while (<$f>) { $lines++; $bytes += length } close $f;
print "$lines $bytes ", -s "perl.out", "\n"; unlink "perl.out";
eval { die { code => 5 } }; print "died $@->{code}\n";
my $pid = fork; if (!$pid) { print "child\n"; exit 6 } waitpid $pid, 0; print "status ", $? >> 8, "\n";
pipe(my $r, my $w); if (!fork) { close $r; print $w "line $_\n" for 1 .. 5; exit 0 } close $w; print "got $_" while <$r>; wait;
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select(undef, undef, undef, 5); }; print "and $@";
local $SIG{USR1} = sub { print "signal\n" }; kill "USR1", $$; print sprintf("%.3e %s", 12345.678, join ",", reverse 1 .. 5), "\n";
exit 4;
