#!/usr/bin/perl
# meta.pl: prints what in META.json is not as version 1 of PGXN's meta specification wants it, or not as the rest of the
# repository has it. Run at the top of the source tree.
use strict;
use warnings;
use JSON::PP;

sub content {
    my ($file) = @_;
    open my $handle, '<', $file or die "cannot read $file: $!\n";
    local $/;
    return scalar <$handle>;
}

my $meta = eval { JSON::PP->new->utf8->decode(content('META.json')) };
if (ref $meta ne 'HASH') {
    print 'META.json: not a JSON object: ', $@ || "something else\n";
    exit;
}
sub wrong { print 'META.json: ', @_, "\n"; }

# The version format is semver 1.0's, as the specification has it; a range is several of them with operators, and 0 is any.
my $version = qr/(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){2}(?:-?[A-Za-z][0-9A-Za-z-]*)?/;
my $range = qr/\s*(?:[<>!=]=?|==)?\s*$version\s*/;
my %licences = map { $_ => 1 } qw(
    agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0 mit
    mozilla_1_0 mozilla_1_1 open_source openssl perl_5 postgresql qpl_1_0 restricted ssleay sun unknown unrestricted zlib);
my $url = qr{[a-z][a-z0-9+.-]*://[^\s/]+\S*}i;
my $address = qr/[^\s@<>]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+/;

sub is_text { defined $_[0] && !ref $_[0] && $_[0] =~ /\S/ }
sub is_term { is_text($_[0]) && length $_[0] >= 2 && $_[0] !~ m{[\s/\\:]|[[:cntrl:]]} }

# known WHERE OBJECT KEY...: it is an object, and has no other keys than these and those that begin with x_.
sub known {
    my ($where, $object, @keys) = @_;
    if (ref $object ne 'HASH') { wrong("$where is not an object"); return {}; }
    my %known = map { $_ => 1 } @keys;
    for (sort keys %$object) { wrong("$where: no such key: $_") unless $known{$_} || /^x_/i; }
    return $object;
}

known('the document', $meta, qw(
    abstract maintainer license provides name version meta-spec description generated_by no_index prereqs release_status resources tags));
for (qw(abstract maintainer license provides name version meta-spec resources)) { wrong("$_ is missing") unless exists $meta->{$_}; }
for (qw(abstract description generated_by)) { wrong("$_ is not a text") if exists $meta->{$_} && !is_text($meta->{$_}); }
wrong('name is not a term') unless is_term($meta->{name});
wrong('version is not one') unless is_text($meta->{version}) && $meta->{version} =~ /\A$version\z/;
wrong('release_status is neither stable nor testing nor unstable')
    if exists $meta->{release_status} && ($meta->{release_status} // '') !~ /\A(?:stable|testing|unstable)\z/;
for my $who (ref $meta->{maintainer} eq 'ARRAY' ? @{ $meta->{maintainer} } : $meta->{maintainer}) {
    wrong('maintainer is neither a text nor a list of texts') unless is_text($who);
}

my $licence = $meta->{license};
if (ref $licence eq 'HASH') {
    for (sort keys %$licence) { wrong("license: $_ has no URL") unless is_text($licence->{$_}) && $licence->{$_} =~ /\A$url\z/; }
} else {
    for (ref $licence eq 'ARRAY' ? @$licence : $licence) { wrong('license: not a known one: ', $_ // 'null') unless is_text($_) && $licences{$_}; }
}

my $spec = known('meta-spec', $meta->{'meta-spec'}, qw(version url));
wrong('meta-spec: version is not 1') unless is_text($spec->{version}) && $spec->{version} =~ /\A1\.0\.(?:0|[1-9][0-9]*)\z/;
wrong('meta-spec: url is not one') if exists $spec->{url} && $spec->{url} !~ /\A$url\z/;

my $provides = known('provides', $meta->{provides}, keys %{ ref $meta->{provides} eq 'HASH' ? $meta->{provides} : {} });
wrong('provides nothing') unless %$provides;
for my $name (sort keys %$provides) {
    my $extension = known("provides: $name", $provides->{$name}, qw(file version abstract docfile));
    wrong("provides: $name is not a term") unless is_term($name);
    wrong("provides: $name: version is not one") unless is_text($extension->{version}) && $extension->{version} =~ /\A$version\z/;
    wrong("provides: $name: abstract is not a text") if exists $extension->{abstract} && !is_text($extension->{abstract});
    wrong("provides: $name: file is missing") unless is_text($extension->{file});
    for (grep { is_text($_) } @$extension{qw(file docfile)}) { wrong("provides: $name: there is no $_") unless -f $_; }
}

my $prereqs = known('prereqs', $meta->{prereqs} // {}, qw(configure build test runtime develop));
for my $phase (sort keys %$prereqs) {
    my $relations = known("prereqs: $phase", $prereqs->{$phase}, qw(requires recommends suggests conflicts));
    for my $relation (sort keys %$relations) {
        my $needed = $relations->{$relation};
        if (ref $needed ne 'HASH') { wrong("prereqs: $phase: $relation is not an object"); next; }
        for (sort keys %$needed) {
            wrong("prereqs: $phase: $relation: $_ is not a term") unless is_term($_);
            wrong("prereqs: $phase: $relation: $_: not a range of versions")
                unless is_text($needed->{$_}) && $needed->{$_} =~ /\A(?:0|$range(?:,$range)*)\z/;
        }
    }
}

my $resources = known('resources', $meta->{resources}, qw(homepage bugtracker repository));
wrong('resources are empty') unless %$resources;
wrong('resources: homepage is not a URL') if exists $resources->{homepage} && $resources->{homepage} !~ /\A$url\z/;
if (exists $resources->{bugtracker}) {
    my $tracker = known('resources: bugtracker', $resources->{bugtracker}, qw(web mailto));
    wrong('resources: bugtracker is empty') unless %$tracker;
    wrong('resources: bugtracker: web is not a URL') if exists $tracker->{web} && $tracker->{web} !~ /\A$url\z/;
    wrong('resources: bugtracker: mailto is not an address') if exists $tracker->{mailto} && $tracker->{mailto} !~ /\A$address\z/;
}
if (exists $resources->{repository}) {
    my $repository = known('resources: repository', $resources->{repository}, qw(url web type));
    for (qw(url web)) { wrong("resources: repository: $_ is not a URL") if exists $repository->{$_} && $repository->{$_} !~ /\A$url\z/; }
    wrong('resources: repository: type is not in lower case') if exists $repository->{type} && $repository->{type} !~ /\A[a-z]+\z/;
}

my $tags = $meta->{tags} // [];
if (ref $tags eq 'ARRAY') {
    for (@$tags) { wrong('tags: not a tag: ', $_ // 'null') unless is_text($_) && length() <= 256 && !m{[/\\[:cntrl:]]}; }
} else {
    wrong('tags are not a list');
}

# agrees WHAT HERE FILE PATTERN: what the pattern's group finds in the file is what is here.
sub agrees {
    my ($what, $here, $file, $pattern) = @_;
    my ($there) = content($file) =~ $pattern or return wrong("$file does not say its $what");
    wrong("$what is ", $here // 'missing', ", in $file $there") unless defined $here && $here eq $there;
}
my $extension = $provides->{ $meta->{name} // '' } // {};
agrees('version', $meta->{version}, 'Cargo.toml', qr/^version = "(.*)"$/m);
agrees('version', $extension->{version}, 'Cargo.toml', qr/^version = "(.*)"$/m);
agrees('version', $meta->{version}, 'debian/changelog', qr/\A\S+ \((.*)-[^-]*\)/);
agrees('version', $meta->{version}, 'rpm/pg_background.spec', qr/^Version:\s*(\S+)$/m);
agrees('abstract', $extension->{abstract}, 'pg_background.control', qr/^comment = '(.*)'$/m);
my ($file) = ($extension->{file} // '') =~ /--(.*)\.sql\z/;
my ($sql) = ($meta->{version} // '') =~ /\A([0-9]+\.[0-9]+)/;
wrong('version is ', $meta->{version} // 'missing', ', that of the SQL ', $file // 'missing') unless ($sql // '') eq ($file // '');
agrees('script', $file, 'pg_background.control', qr/^default_version = '(.*)'$/m);
agrees('address', $resources->{bugtracker}{mailto}, 'debian/control.in', qr/^Maintainer: .* <(.*)>$/m);
