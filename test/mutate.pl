#!/usr/bin/perl
# mutate.pl FILE: breaks the promise of test/mutations/FILE in the tree of the current directory, or says why it cannot.
# mutate.pl --check FILE...: says for each whether it could, and changes nothing.
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

my $check = @ARGV && $ARGV[0] eq '--check' && shift @ARGV;
my $name;
sub give_up { print $check ? "$name: $_[0]\n" : "$_[0]\n"; $check ? die "\n" : exit 1 }

# What is in a file of the tree, with what was changed so far.
my %text;
sub text {
    my ($path) = @_;
    if (!exists $text{$path}) {
        open my $in, '<', $path or give_up("$path: $!");
        local $/;
        $text{$path} = <$in>;
    }
    return $text{$path};
}

# edit WHERE FROM TO
sub edit {
    my ($where, $from, $to) = @_;
    my ($path, $function) = $where =~ /^(\S+?):?(?:\s+fn\s+(\w+))?$/ or give_up("not a place: $where");
    my $text = text($path);
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
    $text{$path} = $text;
}

# apply FILE: all of its edits, in memory.
sub apply {
    my ($file) = @_;
    my ($where, $from, $to, $edits) = ('', '', '', 0);
    my $finish = sub {
        if ($from ne '') { edit($where, $from, $to); $edits++ }
        ($from, $to) = ('', '');
    };
    open my $in, '<', $file or give_up("$file: $!");
    while (<$in>) {
        chomp;
        if (/^- ?(.*)/) { $finish->() if $to ne ''; $from .= "$1\n" }
        elsif (/^\+ ?(.*)/) { $to .= "$1\n" }
        elsif (/^(?:src|sql)\//) { $finish->(); $where = $_ }
    }
    $finish->();
    $edits > 0 or give_up('nothing to do');
}

if ($check) {
    my $offences = 0;
    for my $file (@ARGV) {
        ($name) = $file =~ m{([^/]+)$};
        %text = ();
        eval { apply($file); 1 } or $offences++;
    }
    exit($offences > 0);
}
apply($ARGV[0]);
for my $path (sort keys %text) {
    open my $out, '>', $path or give_up("$path: $!");
    print $out $text{$path};
    close $out or give_up("$path: $!");
}
