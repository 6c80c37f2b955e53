use strict;

my ($pattern, $blocks) = @ARGV;
my (@ring, @all);
sub fresh { my $bytes = ""; vec($bytes, 9999, 8) = 1; return { bytes => $bytes } }
for (my $i = 0; $i < $blocks; ++$i) {
    my $block = fresh();
    if ($pattern eq "ring") { $ring[$i % 1000] = $block }
    elsif ($pattern eq "take") { push @all, $block }
    elsif ($pattern eq "cycle") {
        $block->{other} = fresh();
        $block->{other}{other} = $block;
        $ring[$i++ % 1000] = $block;
    }
}
