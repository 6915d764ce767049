# make && make install, with PG_CONFIG=/path/to/pg_config for another installation than the one in PATH.
#
#   make installcheck   the SQL and isolation tests against a running server that has the extension installed, and
#                       max_worker_processes = 64
#   make check          every test, on throwaway servers of its own; touches no installation
#   make check-all      the same for each major of PostgreSQL, which it fetches; MAJORS="14 18" restricts it
#   make soak           a hundred thousand jobs, then 20 sessions at once for ten minutes, each answer compared
#   make check-cassert  every test on a server with assertions, built from Debian's source package
#   make check-valgrind the regression suite on a server under valgrind, built likewise
#   make check-mutations  every promise broken on purpose once: does its test notice?
#   make nightly        the last four, and ten minutes of fuzzing
#   make demo           what the extension does, on a throwaway server
#   make dist           the last commit as pg_background-VERSION.tar.gz and, for PGXN, .zip; with VENDOR=1 they have the
#                       crates inside, so that they build without a network
#
# CARGO, CARGO_FLAGS (say --offline) and CARGO_FEATURES (injection-points, for the fault suite) reach cargo; CFLAGS, CPPFLAGS and
# LDFLAGS of whoever calls make reach the C compiler and the linker. The same sources give the same library in whatever
# directory they lie, unless RUSTFLAGS is set, which cargo takes in place of what is said here.
#
# What is installed is not stripped: the line tables are what makes a backtrace of a server's crash worth reporting. They take
# no memory while the server runs. Packagers split them off (dh_strip, find-debuginfo); others may call strip.

PG_CONFIG ?= pg_config
CARGO ?= cargo
CARGO_FLAGS ?=
CARGO_FEATURES ?=

PGBG_SRC := $(patsubst %/,%,$(dir $(abspath $(firstword $(MAKEFILE_LIST)))))

ifeq ($(filter-out check check-all check-cassert check-mutations check-valgrind demo dist nightly soak,$(or $(MAKECMDGOALS),all)),)

# These look for PostgreSQL themselves (make demo even installs it), and PGXS has a target check of its own.
.PHONY: check check-all check-cassert check-mutations check-valgrind demo dist nightly soak
check:
	@exec env PG_CONFIG='$(PG_CONFIG)' CARGO='$(CARGO)' '$(PGBG_SRC)/test/check.sh'
check-all:
	@exec env CARGO='$(CARGO)' '$(PGBG_SRC)/test/check-all.sh' $(MAJORS)
check-cassert:
	@exec env CARGO='$(CARGO)' '$(PGBG_SRC)/test/cassert.sh'
check-mutations:
	@exec env PG_CONFIG='$(PG_CONFIG)' CARGO='$(CARGO)' '$(PGBG_SRC)/test/mutations.sh'
check-valgrind:
	@exec env CARGO='$(CARGO)' '$(PGBG_SRC)/test/valgrind.sh'
soak:
	@exec env PG_CONFIG='$(PG_CONFIG)' CARGO='$(CARGO)' '$(PGBG_SRC)/test/soak.sh'
nightly:
	@exec env PG_CONFIG='$(PG_CONFIG)' CARGO='$(CARGO)' '$(PGBG_SRC)/test/nightly.sh'
dist:
	@exec env CARGO='$(CARGO)' VENDOR='$(VENDOR)' '$(PGBG_SRC)/test/dist.sh' '$(CURDIR)'
demo:
	@exec env PG_CONFIG='$(PG_CONFIG)' CARGO='$(CARGO)' '$(PGBG_SRC)/test/demo.sh'

else

PGXS := $(shell '$(PG_CONFIG)' --pgxs 2>/dev/null)
ifeq ($(wildcard $(PGXS)),)
PGBG_MAJOR := $(shell '$(PG_CONFIG)' --version 2>/dev/null | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
$(error $(PG_CONFIG) does not lead to PostgreSQL's server headers: install them (Debian: apt-get install postgresql-server-dev-$(or $(PGBG_MAJOR),15)) or set PG_CONFIG)
endif

EXTENSION = pg_background
DATA = $(patsubst $(PGBG_SRC)/%,%,$(sort $(wildcard $(PGBG_SRC)/sql/pg_background--*.sql)))
# Upgrade scripts are made of the installation scripts.
PGBG_UPGRADES = 1.6--1.11 1.7--1.11 1.8--1.11 1.9--1.11 1.10--1.11 1.11--2.1 2.0--2.1
DATA_built = $(PGBG_UPGRADES:%=target/sql/pg_background--%.sql)

PGBG_CHECK_DIR = $(CURDIR)/tmp_check
REGRESS := $(patsubst $(PGBG_SRC)/regress/sql/%.sql,%,$(sort $(wildcard $(PGBG_SRC)/regress/sql/*.sql)))
REGRESS_OPTS = --inputdir='$(PGBG_SRC)/regress' --outputdir='$(PGBG_CHECK_DIR)/regress'
ISOLATION := $(patsubst $(PGBG_SRC)/regress/specs/%.spec,%,$(sort $(wildcard $(PGBG_SRC)/regress/specs/*.spec)))
ISOLATION_OPTS = --inputdir='$(PGBG_SRC)/regress' --outputdir='$(PGBG_CHECK_DIR)/isolation'
# The tests have texts in UTF-8 and one order of strings, whatever the server's databases have.
ENCODING = UTF8
NO_LOCALE = 1

# One directory for each major and set of features: bindings of two majors never mix.
PGBG_TARGET = $(CURDIR)/target/pg$(MAJORVERSION)$(addprefix -,$(CARGO_FEATURES))
PGBG_LIB = $(PGBG_TARGET)$(addprefix /,$(CARGO_BUILD_TARGET))/release/libpg_background$(if $(filter darwin,$(PORTNAME)),.dylib,.so)
PGBG_STAMP = $(PGBG_TARGET)/server
PGBG_CARGO_CONFIG = $(PGBG_TARGET)/config.toml
PGBG_SOURCES = $(addprefix $(PGBG_SRC)/,Cargo.toml Cargo.lock build.rs) \
	$(shell find '$(PGBG_SRC)/src' -type f)
EXTRA_CLEAN = '$(PGBG_TARGET)' '$(PGBG_CHECK_DIR)'

# Where the build directory is another one. PGXS does this by itself only if the server was built that way.
ifneq ($(CURDIR),$(PGBG_SRC))
VPATH ?= $(PGBG_SRC)
endif

# The library is cargo's, so there is no bitcode to install.
override with_llvm = no
# Of what PGXS makes of the caller's flags the shim wants nothing.
PGBG_CFLAGS := $(CPPFLAGS) $(CFLAGS)
PGBG_LDFLAGS := $(LDFLAGS)
include $(PGXS)

.PHONY: pgbg-install pgbg-uninstall pgbg-check-dirs pgbg-force

all: $(PGBG_LIB)

# A file target, and not a call of cargo each time, so that `sudo make install` needs no cargo.
$(PGBG_LIB): $(PGBG_SOURCES) $(PGBG_STAMP)
	@printf "[target.'cfg(all())']\nrustflags = [\n" > '$(PGBG_CARGO_CONFIG)'
	@printf '"--remap-path-prefix=%s=/usr/src/%s",\n' '$(or $(CARGO_HOME),$(HOME)/.cargo)' cargo '$(PGBG_SRC)' pg_background \
		'$(PGBG_TARGET)' pg_background/target >> '$(PGBG_CARGO_CONFIG)'
	@echo ']' >> '$(PGBG_CARGO_CONFIG)'
	cd '$(PGBG_SRC)' && PG_CONFIG='$(PG_CONFIG)' CFLAGS='$(PGBG_CFLAGS)' LDFLAGS='$(PGBG_LDFLAGS)' CARGO_TARGET_DIR='$(PGBG_TARGET)' \
		$(CARGO) build --release --lib --locked --config '$(PGBG_CARGO_CONFIG)' $(addprefix --features=,$(CARGO_FEATURES)) $(CARGO_FLAGS)
	@touch '$@'

# Two installations may have the same major: rebuild when PG_CONFIG leads elsewhere than last time, or the flags are others.
$(PGBG_STAMP): pgbg-force
	@mkdir -p '$(PGBG_TARGET)'
	@'$(PG_CONFIG)' --version --includedir-server --configure > '$@.new'
	@echo '$(PGBG_CFLAGS); $(PGBG_LDFLAGS)' >> '$@.new'
	@if cmp -s '$@.new' '$@'; then rm '$@.new'; else mv '$@.new' '$@'; fi

# The same for every server, and two may be built for at a time.
target/sql/pg_background--%.sql: $(wildcard $(PGBG_SRC)/sql/*)
	@$(MKDIR_P) target/sql
	@'$(PGBG_SRC)/sql/make_upgrade.sh' '$*' >'$@'.$$$$ && mv '$@'.$$$$ '$@'

install: pgbg-install
pgbg-install: all
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_SHLIB) '$(PGBG_LIB)' '$(DESTDIR)$(pkglibdir)/pg_background$(DLSUFFIX)'

uninstall: pgbg-uninstall
pgbg-uninstall:
	rm -f '$(DESTDIR)$(pkglibdir)/pg_background$(DLSUFFIX)'

installcheck: pgbg-check-dirs
# Tests wait for jobs that sleep until they are cancelled. Where a cancel fails, so shall the test.
installcheck: export PGOPTIONS := $(PGOPTIONS) -c statement_timeout=60s
pgbg-check-dirs:
	$(MKDIR_P) '$(PGBG_CHECK_DIR)/regress' '$(PGBG_CHECK_DIR)/isolation'

endif
