#!/usr/bin/perl
# arrows.pl: reads "file:line: text" of a crate's sources, without comments and strings, and prints what is wrong with the
# arrows between them: rooms that use one above or beside them, and files of a room that use each other in a circle. The
# places where a room keeps its state (mod.rs, state.rs) may know the types of all that is in it.
use strict;
use warnings;

# What each room may use. The files that lie beside the rooms are rooms of their own; `injection` is empty but for tests.
my %below = (
    pg_sys => [],
    pg => ['pg_sys'],
    settings => ['pg_sys', 'pg'],
    channel => ['pg_sys', 'pg', 'settings', 'injection'],
    rows => ['pg_sys', 'pg', 'settings', 'channel', 'injection'],
    directory => ['pg_sys', 'pg', 'settings', 'channel', 'injection'],
    nested => ['pg_sys', 'pg', 'settings', 'channel'],
    session => ['pg_sys', 'pg', 'settings', 'channel', 'rows', 'directory', 'nested', 'injection'],
    worker => ['pg_sys', 'pg', 'settings', 'channel', 'rows', 'directory', 'nested', 'injection'],
);

my (%text, %line);
while (<STDIN>) {
    my ($file, $number, $code) = /^([^:]+):(\d+): (.*)/ or next;
    push @{ $text{$file} }, [$number, $code];
}

# names CODE: what stands first in each branch of a use list, `a, b::{c, d}, e as f` -> a b e.
sub names {
    my ($list, $depth, $name, @names) = ($_[0], 0, '');
    for my $character (split //, $list) {
        if ($character eq '{') { $depth++ }
        elsif ($character eq '}') { $depth-- }
        elsif ($depth == 0) {
            if ($character eq ',') { push @names, $name; $name = ''; next }
            $name .= $character;
        }
    }
    return map { /(\w+)/ ? $1 : () } @names, $name;
}

my %uses;
for my $file (sort keys %text) {
    my ($room, $rest) = $file =~ m{^src/(\w+?)(?:\.rs|/(.*))$} or next;
    my @path = defined $rest ? split(m{/}, $rest =~ s/\.rs$//r) : ();
    pop @path if @path && $path[-1] eq 'mod';
    my $all = join "\n", map { $_->[1] } @{ $text{$file} };
    my @found;
    # crate::ROOM::FILE and use crate::{ROOM::..}
    while ($all =~ /\bcrate\s*::\s*(?:(\w+)(?:\s*::\s*(\w+|\{))?|(\{))/g) {
        my ($other, $next, $open) = ($1, $2, $3);
        if (defined $open || (defined $next && $next eq '{')) {
            my ($depth, $start) = (1, pos $all);
            my $at = $start;
            while ($depth && $at < length $all) { my $c = substr $all, $at++, 1; $depth += $c eq '{' ? 1 : $c eq '}' ? -1 : 0 }
            my @names = names(substr $all, $start, $at - $start - 1);
            push @found, defined $open ? map([$_], @names) : map([$other, $_], @names);
            push @found, [$other] if defined $other;
        } else {
            push @found, defined $next ? [$other, $next] : [$other];
        }
    }
    # super::FILE, once for each floor up
    while ($all =~ /(?<![\w:])((?:super\s*::\s*)+)(\w+|\{)/g) {
        my ($supers, $next) = ($1, $2);
        my $up = () = $supers =~ /super/g;
        my @from = ($room, @path);
        splice @from, -$up if $up <= @from;
        @from = () if $up > @path + 1;
        my @names = ($next);
        if ($next eq '{') {
            my ($depth, $start) = (1, pos $all);
            my $at = $start;
            while ($depth && $at < length $all) { my $c = substr $all, $at++, 1; $depth += $c eq '{' ? 1 : $c eq '}' ? -1 : 0 }
            @names = names(substr $all, $start, $at - $start - 1);
        }
        push @found, [@from, $_] for @names;
    }
    for my $to (@found) {
        my ($other, $file_there) = @$to;
        next if !defined $other;
        if ($other ne $room) {
            if (exists $below{$room} && (exists $below{$other} || $other eq 'sql') && !grep { $_ eq $other } @{ $below{$room} }) {
                $line{"$file uses $other"} = 1;
            }
        } elsif (defined $file_there && @path && $path[0] ne 'state' && -e "src/$room/$file_there.rs" && $file_there ne $path[0]) {
            $uses{"$room/$path[0]"}{"$room/$file_there"} = 1;
        }
    }
}
print "$_\n" for sort keys %line;

# Circles: each file that reaches itself, by the shortest way.
my %told;
for my $start (sort keys %uses) {
    my %before = map { $_ => $start } keys %{ $uses{$start} };
    my @queue = sort keys %before;
    while (@queue) {
        my $at = shift @queue;
        if ($at eq $start) {
            my @way = ($start);
            my $step = $before{$start};
            while ($step ne $start) { unshift @way, $step; $step = $before{$step} }
            my $key = join ' ', sort @way;
            print 'circle: ', join(' -> ', $start, @way), "\n" if !$told{$key}++;
            last;
        }
        for my $next (sort keys %{ $uses{$at} || {} }) {
            next if exists $before{$next};
            $before{$next} = $at;
            push @queue, $next;
        }
    }
}
