#!/usr/bin/perl
# mutate.pl FILE: breaks the promise of test/mutations/FILE in the tree of the current directory, or says why it cannot.
# What is looked for is compared token by token, so that another layout of the same code is the same code; it has to be
# there exactly once. The format: test/mutations/README.md.
use strict;
use warnings;

# pattern TEXT: matches the same tokens however they are laid out, and with or without a comma before a closing bracket.
sub pattern {
    my @tokens = $_[0] =~ /\w+|[^\w\s]/g;
    my ($pattern, $before) = ('', '');
    for my $token (@tokens) {
        $pattern .= '\s*' if $before ne '';
        $pattern .= '(?:,\s*)?' if $token =~ /^[)\]}]$/ && $before ne ',' && $before ne '';
        $pattern .= '\b' if $token =~ /^\w/;
        $pattern .= quotemeta $token;
        $pattern .= '\b' if $token =~ /\w$/;
        $before = $token;
    }
    return qr/$pattern/;
}

sub give_up { print "$_[0]\n"; exit 1 }

# edit WHERE FROM TO
sub edit {
    my ($where, $from, $to) = @_;
    my ($path, $function) = $where =~ /^(\S+?):?(?:\s+fn\s+(\w+))?$/ or give_up("not a place: $where");
    open my $in, '<', $path or give_up("$path: $!");
    local $/;
    my $text = <$in>;
    close $in;
    # Where to look: the whole file, or every function of that name.
    my @places = ([0, length $text]);
    if (defined $function) {
        my @found;
        push @found, [$-[0], $1] while $text =~ /^([ \t]*)(?:[a-z(): "-]*\s)?fn $function\b/mg;
        @places = ();
        for my $found (@found) {
            pos($text) = $found->[0];
            $text =~ /^$found->[1]\}/mg or give_up("$path: fn $function has no end");
            push @places, [$found->[0], pos $text];
        }
        @places or give_up("$path: no fn $function");
    }
    my $pattern = pattern($from);
    my ($count, $start, $end, $part) = (0);
    for my $place (@places) {
        my $here = substr $text, $place->[0], $place->[1] - $place->[0];
        my $matches = () = $here =~ /$pattern/g;
        ($start, $end, $part) = (@$place, $here) if $matches;
        $count += $matches;
    }
    $count == 1 or give_up("$path: found $count times: $from");
    $part =~ s/$pattern/$to/;
    substr($text, $start, $end - $start) = $part;
    open my $out, '>', $path or give_up("$path: $!");
    print $out $text;
    close $out or give_up("$path: $!");
}

my ($where, $from, $to) = ('', '', '');
my $edits = 0;
sub flush_edit {
    if ($from ne '') { edit($where, $from, $to); $edits++ }
    ($from, $to) = ('', '');
}
open my $file, '<', $ARGV[0] or give_up("$ARGV[0]: $!");
while (<$file>) {
    chomp;
    if (/^- ?(.*)/) { flush_edit() if $to ne ''; $from .= "$1\n" }
    elsif (/^\+ ?(.*)/) { $to .= "$1\n" }
    elsif (/^(?:src|sql)\//) { flush_edit(); $where = $_ }
}
flush_edit();
$edits > 0 or give_up('nothing to do');
