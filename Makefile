# headstart - see README.md; `make help` lists what can be made.
#
# One pass, no recursion. The same sources are built in several variants, each in a folder of its
# own below build/: the release that is installed, and those under sanitizers for the tests.

VERSION := 0.1.0

CC ?= cc
WERROR ?= -Werror
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
BINDIR := $(PREFIX)/bin
UNITDIR ?= $(PREFIX)/lib/systemd/system
BUILD ?= build

# make V=1 shows every command.
Q := $(if $(V),,@)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion $(WERROR)
CPPFLAGS_ALL := -D_GNU_SOURCE -DHEADSTART_VERSION='"$(VERSION)"' -Iinclude -Isrc
CFLAGS_ALL := -std=c17 -g $(WARNINGS) -pthread
LIBS := -lnghttp2 -levent -lssl -lcrypto -lcurl -linih
TEST_LIBS := -lcmocka -ljansson

# -fno-plt: what is bound at start anyway is called without a detour.
RELEASE_CFLAGS := -O2 -fPIE -fno-plt -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
RELEASE_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
# GCC optimizes the daemon as a whole; the tests link the same objects without that, which is quicker.
LTO := $(if $(shell $(CC) -v 2>&1 | grep '^gcc version'),-flto=auto)
DAEMON_CFLAGS := -O3 $(LTO:%=% -ffat-lto-objects)
DAEMON_LDFLAGS := -O3 $(LTO)
ASAN_CFLAGS := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
ASAN_LDFLAGS := -fsanitize=address,undefined
TSAN_CFLAGS := -O1 -fno-omit-frame-pointer -fsanitize=thread
TSAN_LDFLAGS := -fsanitize=thread
COVERAGE_CFLAGS := -O0 --coverage
COVERAGE_LDFLAGS := --coverage
FUZZ_CFLAGS := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all
FUZZ_LDFLAGS := -fsanitize=fuzzer,address,undefined

SOURCES := $(wildcard src/*/*.c)
ROOM_SOURCES := $(filter-out src/server/main.c,$(SOURCES))
HEADERS := $(wildcard include/*/*.h src/*/*.h)
UNIT_TESTS := $(wildcard tests/unit/*/test_*.c)
INTEGRATION_TESTS := $(wildcard tests/integration/test_*.c)
HARNESS_SOURCES := $(filter-out $(INTEGRATION_TESTS),$(wildcard tests/integration/*.c))
SOAK_SOURCES := $(wildcard tests/soak/*.c)
TOOL_SOURCES := $(wildcard tests/tools/*.c)
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
TEST_FILES := $(wildcard tests/*/*.[ch] tests/*/*/*.[ch])

.PHONY: all help deps demo check unit integration asan tsan valgrind coverage fuzz load soak soak-asan \
	bench bench-quick bench-instructions bench-plan bench-line bench-deps lint format docs install clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/headstart

help:
	@echo 'make             build $(BUILD)/headstart'
	@echo 'make demo        build and run the demo: https://127.0.0.1:8443/'
	@echo 'make check       build and run all tests'
	@echo 'make unit        only the tests of single rooms'
	@echo 'make integration only the tests of the running daemon'
	@echo 'make asan        all tests under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make tsan        the integration tests under ThreadSanitizer, with 4 workers'
	@echo 'make valgrind    the integration tests with the daemon under valgrind'
	@echo 'make coverage    the lines of each room that unit tests alone run through, with gcov'
	@echo 'make fuzz        every fuzz target for FUZZ_S=30 seconds, from the seeds in tests/fuzz/corpus'
	@echo 'make load        ten runs of h2load through the proxy to nginx: all 2xx, memory steady'
	@echo 'make soak        SOAK_S=120 seconds of good and hostile clients, a flapping origin, reloads, a log that nobody reads'
	@echo 'make soak-asan   the same under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make bench       beside nginx, h2o, nghttpx and haproxy, into docs/performance.*; BENCH_ROWS, BENCH_PEERS, BENCH_ROUNDS'
	@echo 'make bench-quick the rows that matter most, beside two peers, in a minute'
	@echo 'make bench-instructions  instructions a request under callgrind, for before and after'
	@echo 'make bench-plan  how long a Link field of 50 and of 500 links takes to read, resolve and judge'
	@echo 'make bench-line  how long a line of the access log takes to write'
	@echo 'make bench-deps  install the Debian packages that the benches need'
	@echo 'make lint        static analysis, the order of the rooms, banned functions, format'
	@echo 'make format      format the sources'
	@echo 'make docs        write conf/proxy.conf and docs/configuration.md from the options table'
	@echo 'make deps        install the Debian packages that are missing'
	@echo 'make install     into DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) SYSCONFDIR=$(SYSCONFDIR)'
	@echo 'make clean       remove $(BUILD)/'

# What must be installed is looked at once for each set of packages. Goals that a newcomer types
# first install what is missing; the others only say it.
INSTALLING_GOALS := demo check unit integration asan tsan valgrind coverage fuzz load soak soak-asan \
	bench bench-quick bench-instructions bench-plan bench-line bench-deps lint deps
DEPS_MODE := $(if $(filter $(INSTALLING_GOALS),$(MAKECMDGOALS)),install,check)

deps:
	@sh tests/tools/deps.sh install build test lint fuzz

bench-deps:
	@sh tests/tools/deps.sh install build test bench

$(BUILD)/deps-%: tests/tools/deps.sh
	@mkdir -p $(@D)
	@sh tests/tools/deps.sh $(DEPS_MODE) $*
	@touch $@

# variant: name, folder, compiler flags, linker flags, more of both for the daemon
define variant
$(2)/obj/%.o: src/%.c | $(BUILD)/deps-build
	@mkdir -p $$(@D)
	$$(if $$(Q),@echo '  CC    $$@')
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) $$(CPPFLAGS) $$(CFLAGS_ALL) $(3) $(5) $$(CFLAGS) -MMD -MP -c -o $$@ $$<

$(2)/obj/server/demo_assets.o: $$(wildcard src/server/demo/*)

$(2)/libheadstart.a: $$(ROOM_SOURCES:src/%.c=$(2)/obj/%.o)
	@rm -f $$@
	$$(if $$(Q),@echo '  AR    $$@')
	$$(Q)$$(AR) rcs $$@ $$^

$(2)/headstart: $(2)/obj/server/main.o $(2)/libheadstart.a
	$$(if $$(Q),@echo '  LINK  $$@')
	$$(Q)$$(CC) $(4) $(6) $$(LDFLAGS) -pthread -o $$@ $$^ $$(LIBS)

# Its memory runs out, and its name server is silent, when a test says so.
$(2)/headstart-failing: $(2)/obj/server/main.o $(2)/tests/tools/failing_mem.o \
		$(2)/tests/tools/failing_names.o $(2)/libheadstart.a
	$$(if $$(Q),@echo '  LINK  $$@')
	$$(Q)$$(CC) $(4) $$(LDFLAGS) -pthread -o $$@ $$^ $$(LIBS)

$(2)/tests/%.o: tests/%.c | $(BUILD)/deps-build $(BUILD)/deps-test
	@mkdir -p $$(@D)
	$$(if $$(Q),@echo '  CC    $$@')
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) $$(CPPFLAGS) -Itests/integration $$(CFLAGS_ALL) $(3) $$(CFLAGS) -MMD -MP -c -o $$@ $$<

$(2)/tests/libharness.a: $$(HARNESS_SOURCES:%.c=$(2)/%.o)
	@rm -f $$@
	$$(if $$(Q),@echo '  AR    $$@')
	$$(Q)$$(AR) rcs $$@ $$^

$(2)/tests/unit/%: $(2)/tests/unit/%.o $(2)/libheadstart.a
	$$(if $$(Q),@echo '  LINK  $$@')
	$$(Q)$$(CC) $(4) $$(LDFLAGS) -pthread -o $$@ $$^ $$(LIBS) $$(TEST_LIBS)

$(2)/tests/integration/%: $(2)/tests/integration/%.o $(2)/tests/libharness.a
	$$(if $$(Q),@echo '  LINK  $$@')
	$$(Q)$$(CC) $(4) $$(LDFLAGS) -pthread -o $$@ $$^ $$(TEST_LIBS) -lnghttp2 -lssl -lcrypto

$(2)/tests/soak/soak: $$(SOAK_SOURCES:%.c=$(2)/%.o) $(2)/tests/libharness.a
	$$(if $$(Q),@echo '  LINK  $$@')
	$$(Q)$$(CC) $(4) $$(LDFLAGS) -pthread -o $$@ $$^ $$(TEST_LIBS) -lnghttp2 -lssl -lcrypto

$(2)/tests/tools/%: $(2)/tests/tools/%.o $(2)/libheadstart.a
	$$(if $$(Q),@echo '  LINK  $$@')
	$$(Q)$$(CC) $(4) $$(LDFLAGS) -pthread -o $$@ $$^ $$(LIBS)

$(1)_UNIT := $$(UNIT_TESTS:%.c=$(2)/%)
$(1)_INTEGRATION := $$(INTEGRATION_TESTS:%.c=$(2)/%)
$(1)_DAEMONS := $(2)/headstart $(2)/headstart-failing
-include $$(SOURCES:src/%.c=$(2)/obj/%.d) $$(patsubst %.c,$(2)/%.d,$$(filter %.c,$$(TEST_FILES)))
endef

$(eval $(call variant,RELEASE,$(BUILD),$(RELEASE_CFLAGS),$(RELEASE_LDFLAGS),$(DAEMON_CFLAGS),$(DAEMON_LDFLAGS)))
$(eval $(call variant,ASAN,$(BUILD)/asan,$(ASAN_CFLAGS),$(ASAN_LDFLAGS)))
$(eval $(call variant,TSAN,$(BUILD)/tsan,$(TSAN_CFLAGS),$(TSAN_LDFLAGS)))
$(eval $(call variant,COVERAGE,$(BUILD)/coverage,$(COVERAGE_CFLAGS),$(COVERAGE_LDFLAGS)))
$(eval $(call variant,FUZZ,$(BUILD)/fuzz,$(FUZZ_CFLAGS),$(FUZZ_LDFLAGS)))

# libFuzzer is clang's.
FUZZ_TARGETS := $(FUZZ_SOURCES:%.c=$(BUILD)/fuzz/%)
$(BUILD)/fuzz/%: override CC := clang
$(SOURCES:src/%.c=$(BUILD)/fuzz/obj/%.o) $(FUZZ_TARGETS:%=%.o): | $(BUILD)/deps-fuzz
$(FUZZ_TARGETS): %: %.o $(BUILD)/fuzz/libheadstart.a
	$(if $(Q),@echo '  LINK  $@')
	$(Q)$(CC) $(FUZZ_LDFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)

demo: $(BUILD)/headstart | $(BUILD)/deps-demo
	$(BUILD)/headstart demo

RUN := sh tests/tools/run.sh

check: $(RELEASE_DAEMONS) $(RELEASE_UNIT) $(RELEASE_INTEGRATION)
	HEADSTART_BINARY=$(BUILD)/headstart $(RUN) $(RELEASE_UNIT) $(RELEASE_INTEGRATION)

unit: $(RELEASE_UNIT)
	$(RUN) $(RELEASE_UNIT)

integration: $(RELEASE_DAEMONS) $(RELEASE_INTEGRATION)
	HEADSTART_BINARY=$(BUILD)/headstart $(RUN) $(RELEASE_INTEGRATION)

# Resident memory means nothing under a sanitizer or valgrind, and bodies need not be large there.
asan: $(ASAN_DAEMONS) $(ASAN_UNIT) $(ASAN_INTEGRATION)
	HEADSTART_BINARY=$(BUILD)/asan/headstart HEADSTART_CHECK_MEMORY=0 \
		TEST_BODY_MIB=$${TEST_BODY_MIB:-32} ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 \
		UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 $(RUN) $(ASAN_UNIT) $(ASAN_INTEGRATION)

valgrind: $(RELEASE_DAEMONS) $(RELEASE_INTEGRATION)
	HEADSTART_BINARY=$(BUILD)/headstart HEADSTART_CHECK_MEMORY=0 TEST_SLOWNESS=10 \
		TEST_BODY_MIB=$${TEST_BODY_MIB:-4} TEST_TIMEOUT_S=900 \
		HEADSTART_WRAPPER='valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible' \
		$(RUN) $(RELEASE_INTEGRATION)

# The tests that say nothing of `workers` get four of them.
tsan: $(TSAN_DAEMONS) $(TSAN_INTEGRATION)
	HEADSTART_BINARY=$(BUILD)/tsan/headstart HEADSTART_TEST_WORKERS=4 HEADSTART_CHECK_MEMORY=0 \
		TEST_SLOWNESS=3 TEST_BODY_MIB=$${TEST_BODY_MIB:-8} \
		TSAN_OPTIONS=halt_on_error=1:suppressions=$(CURDIR)/tests/tools/tsan.supp $(RUN) $(TSAN_INTEGRATION)

# Unit tests alone: what the tests of the running daemon go through besides is not counted.
coverage: $(COVERAGE_UNIT)
	find $(BUILD)/coverage -name '*.gcda' -delete
	$(RUN) $(COVERAGE_UNIT)
	sh tests/tools/coverage.sh $(BUILD)/coverage/obj $(COVERAGE_ROOMS)

fuzz: $(FUZZ_TARGETS)
	sh tests/fuzz/run.sh $(BUILD)/fuzz $(FUZZ_TARGETS)

# The analyzer of clang 14 takes every va_list for uninitialized, and every snprintf for unsafe.
TIDY_CHECKS := -*,clang-analyzer-*,-clang-analyzer-valist.*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-assignment-in-if-condition,-bugprone-narrowing-conversions,-bugprone-branch-clone,-bugprone-sizeof-expression,-bugprone-macro-parentheses,-bugprone-implicit-widening-of-multiplication-result
CPPFLAGS_TIDY := -std=c17 -D_GNU_SOURCE -DHEADSTART_VERSION=\"0\" -Iinclude -Isrc

load: $(BUILD)/headstart | $(BUILD)/deps-test
	sh tests/tools/load.sh $(BUILD)/headstart

# It ends by itself; the time-out is for a soak that is broken.
SOAK_TIMEOUT = timeout -k 10 $$(($${SOAK_S:-120} + 600))

soak: $(BUILD)/headstart $(BUILD)/tests/soak/soak
	HEADSTART_BINARY=$(BUILD)/headstart $(SOAK_TIMEOUT) $(BUILD)/tests/soak/soak

soak-asan: $(BUILD)/asan/headstart $(BUILD)/asan/tests/soak/soak
	HEADSTART_BINARY=$(BUILD)/asan/headstart HEADSTART_CHECK_MEMORY=0 TEST_SLOWNESS=$${TEST_SLOWNESS:-3} \
		ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 \
		UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 $(SOAK_TIMEOUT) $(BUILD)/asan/tests/soak/soak

# The programs of the benches, and the rest of tests/bench/*.c, which they share.
BENCH_TOOLS := $(addprefix $(BUILD)/tests/bench/,load attack site cpu)
BENCH_SHARED := $(filter-out $(BENCH_TOOLS:%=%.o),$(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/*.c))) \
	$(BUILD)/tests/integration/pattern.o
$(BENCH_TOOLS): %: %.o $(BENCH_SHARED)
	$(if $(Q),@echo '  LINK  $@')
	$(Q)$(CC) $(RELEASE_LDFLAGS) $(LDFLAGS) -pthread -o $@ $^ -lnghttp2 -lssl -lcrypto

BENCH := sh tests/bench/bench.sh

bench: $(BUILD)/headstart $(BENCH_TOOLS) | $(BUILD)/deps-bench
	$(BENCH) full $(BUILD)/headstart $(BUILD)/tests/bench $(BUILD)/bench

bench-quick: $(BUILD)/headstart $(BENCH_TOOLS) | $(BUILD)/deps-bench
	$(BENCH) quick $(BUILD)/headstart $(BUILD)/tests/bench $(BUILD)/bench-quick

bench-instructions: $(BUILD)/headstart $(BENCH_TOOLS) | $(BUILD)/deps-bench
	$(BENCH) instructions $(BUILD)/headstart $(BUILD)/tests/bench $(BUILD)/bench-instructions

bench-plan: $(BUILD)/tests/tools/time_plan
	$(BUILD)/tests/tools/time_plan

bench-line: $(BUILD)/tests/tools/time_line
	$(BUILD)/tests/tools/time_line

lint: $(BUILD)/libheadstart.a | $(BUILD)/deps-build $(BUILD)/deps-lint $(BUILD)/deps-test
	sh tests/tools/lint.sh
	sh tests/tools/circles.sh $(BUILD)/obj
	clang-format --dry-run -Werror $(SOURCES) $(HEADERS) $(TEST_FILES)
	printf '%s\0' $(SOURCES) | xargs -0 -n 8 -P 2 sh -c 'clang-tidy --quiet --warnings-as-errors="*" \
		--checks="$(TIDY_CHECKS)" "$$@" -- $(CPPFLAGS_TIDY)' tidy

format: | $(BUILD)/deps-lint
	clang-format -i $(SOURCES) $(HEADERS) $(TEST_FILES)

docs: $(BUILD)/tests/tools/print_config
	$< example >conf/proxy.conf
	$< reference >docs/configuration.md

install: $(BUILD)/headstart
	install -D -m 755 $(BUILD)/headstart $(DESTDIR)$(BINDIR)/headstart
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/headstart
	sed -e 's|@BINDIR@|$(BINDIR)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' conf/headstart.service \
		>$(DESTDIR)$(UNITDIR)/headstart.service
	chmod 644 $(DESTDIR)$(UNITDIR)/headstart.service
	@if [ -e $(DESTDIR)$(SYSCONFDIR)/headstart/proxy.conf ]; then \
		echo '$(DESTDIR)$(SYSCONFDIR)/headstart/proxy.conf is there already and stays as it is'; \
	else \
		install -m 644 conf/proxy.conf $(DESTDIR)$(SYSCONFDIR)/headstart/proxy.conf; \
	fi

clean:
	rm -rf $(BUILD)
