#!/usr/bin/perl
# What a PBX runs without sekisho: a small AGI program that denies 010. The bar for tests/bench/pbx.py;
# it asks nobody, reads nothing and knows one prefix, so a real one is slower.
use strict;
use warnings;

$| = 1;
my %agi;
while (my $line = <STDIN>) {
    chomp $line;
    last if $line eq '';
    $agi{$1} = $2 if $line =~ /^agi_(\w+): (.*)$/;
}
(my $number = $agi{extension}) =~ tr/0-9+*#//cd;
$number =~ s/^(?:184|186|122)+//;
$number =~ s/^\+/010/;
my $verdict = $number =~ /^010/ ? 'deny' : 'allow';
print qq{SET VARIABLE SEKISHO_VERDICT "$verdict"\n};
my $reply = <STDIN>;
