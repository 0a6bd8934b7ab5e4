# sekisho: `make run` shows it working, `make test` proves it; `make help` lists the rest.
#   DEV=1                     warnings are errors
#   SANITIZE=address,undefined | thread     a build of its own under build/

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:
comma := ,
BUILD := build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
CC    := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))

BUILD_PACKAGES := gcc make pkg-config curl libmicrohttpd-dev libjansson-dev libhiredis-dev libjwt-dev \
                  libpq-dev libsqlite3-dev liburcu-dev libsodium-dev libcurl4-openssl-dev libssl-dev
TEST_PACKAGES  := libcmocka-dev python3 python3-pytest python3-pytest-xdist python3-yaml python3-jsonschema openssl sqlite3 \
                  clang redis-server postgresql pgbouncer tzdata
LIBS_WANTED    := libmicrohttpd jansson libjwt libpq sqlite3 liburcu-bp libsodium libcurl libcrypto hiredis

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
            -Wpointer-arith -Wformat=2 -Wno-format-nonliteral $(if $(DEV),-Werror)
ifdef SANITIZE
HARDEN := -fPIE -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
LINK   := -pie
else
HARDEN := -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
LINK   := -pie -Wl,-z,relro,-z,now
endif
CFLAGS ?= -O2 -g
COMPILE = $(CC) -std=gnu17 -D_GNU_SOURCE -Iservice -include service/base/banned.h $(WARNINGS) $(HARDEN) \
          $(CFLAGS) $(CFLAGS_LIBPQ) $(WHOLE) -pthread -MMD -MP
# libpq's header is in a folder of its own
CFLAGS_LIBPQ := $(shell pkg-config --cflags libpq 2>/dev/null)
LIBS    = -lmicrohttpd -ljansson -ljwt -lpq -lsqlite3 -lurcu-bp -lsodium -lcurl -lcrypto -lhiredis

# A decision goes through small functions of many files: linking the daemon, the compiler sees them as a
# whole (a sixth of its time). The objects are ordinary ones, too: tests are linked as ever.
ifeq ($(SANITIZE)$(findstring clang,$(CC)),)
WHOLE_LINK := -O2 -flto=auto
$(BUILD)/service/core/%.o $(BUILD)/service/engine/%.o: WHOLE := -flto -ffat-lto-objects
$(BUILD)/service/core/numbering_builtin.o: WHOLE := # embeds files by assembly, which must stay apart
endif

sources  = $(wildcard $(addsuffix /*.c,$(addprefix service/,$(1))))
objects  = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIBRARY := $(call objects,$(call sources,base core auth store cache engine jobs wire doors) service/config.c service/config_check.c)
CLI     := $(call objects,$(call sources,cli))
# tests that are programs of their own: each test_*.c, linked with the other files of these folders
IN_PROCESS := tests/unit tests/store tests/cache
UNIT    := $(patsubst %.c,$(BUILD)/%,$(filter-out tests/store/test_postgres%,\
               $(wildcard $(addsuffix /test_*.c,$(IN_PROCESS)))))
# the store's conformance once more, and what only that driver can get wrong
ON_POSTGRES := $(patsubst %.c,$(BUILD)/%,$(filter-out %/test_sqlite.c,$(wildcard tests/store/test_*.c)))
SHARED  := $(call objects,$(foreach folder,$(IN_PROCESS),\
                $(filter-out $(folder)/test_%,$(wildcard $(folder)/*.c))))

# each program by its main file
PROGRAMS := $(patsubst service/main.c,$(BUILD)/sekishod,$(patsubst service/cli/main.c,$(BUILD)/sekisho,\
                $(wildcard service/main.c service/cli/main.c)))

.PHONY: all
all: $(PROGRAMS) ## build the daemon and the command line (default)

$(BUILD)/sekishod: $(BUILD)/service/main.o $(BUILD)/libsekisho.a
	$(CC) $(HARDEN) $(LINK) $(WHOLE_LINK) -pthread -o $@ $^ $(LIBS)

$(BUILD)/sekisho: $(CLI) $(BUILD)/libsekisho.a
	$(CC) $(HARDEN) $(LINK) -pthread -o $@ $^ $(LIBS)

$(BUILD)/libsekisho.a: $(LIBRARY)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# what base/embed.h puts into the program is not seen by -MMD
$(BUILD)/service/core/numbering_builtin.o: $(wildcard schema/numbering/*.csv)
$(BUILD)/service/store/migrations.o: $(wildcard schema/*/*.sql)
$(BUILD)/service/doors/openapi.o: $(wildcard api/openapi.yaml)
$(BUILD)/service/doors/problem_page.o: $(wildcard api/errors.md)
$(BUILD)/service/jobs/notice.o: $(wildcard api/notices/*.txt)

$(BUILD)/libtests.a: $(SHARED)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libtests.a $(BUILD)/libsekisho.a
	$(CC) $(HARDEN) $(LINK) -pthread -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(LIBS) -lm

PYTEST := /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider
# a file's tests share a daemon; files mostly wait for deadlines, and do that side by side
PYTEST_SERVER := $(PYTEST) -n 4 --dist loadfile
QUIET  := --no-print-directory -s -j$(shell nproc)

.PHONY: deps
deps: # installs what building needs, when it is missing
	@which gcc pkg-config curl >/dev/null && pkg-config --exists $(LIBS_WANTED) || \
	    service/install-packages $(BUILD_PACKAGES)

.PHONY: test-deps
test-deps: deps
	@service/install-packages --missing $(TEST_PACKAGES)

.PHONY: run
run: deps ## install what is missing, build, start a demo and ask it three questions
	@[ -x $(BUILD)/sekishod ] || echo 'building' >&2
	@$(MAKE) $(QUIET) all
	@service/demo

# each program is a target of its own, so that those that wait do it side by side
.PHONY: test-unit test-postgres
test-unit: $(UNIT:%=%.run) test-postgres ## unit tests, case files and store conformance, in process
	@printf '%s programs of unit tests passed\n' $(words $(UNIT))

$(BUILD)/tests/%.run: $(BUILD)/tests/%
	@if $< >$<.log 2>&1; then printf 'ok    %s\n' "$*"; \
	    else cat $<.log; printf 'FAIL  %s\n' "$<"; exit 1; fi

test-postgres: $(ON_POSTGRES)
	@tests/store/with-postgres tests/store/on-postgres $^

.PHONY: test
test: test-deps ## install what the tests need and run them all
	@$(MAKE) $(QUIET) all
	@$(MAKE) $(QUIET) -j4 test-unit
	@$(MAKE) $(QUIET) test-lint test-sim test-server

.PHONY: test-server
test-server: all $(BUILD)/tests/story/generate # the real daemon, over the wire
	$(PYTEST_SERVER) tests/server tests/story

.PHONY: test-sanitize
test-sanitize: test-deps ## the same tests with address, undefined and thread sanitizers
	@$(MAKE) $(QUIET) SANITIZE=address,undefined all build/address-undefined/tests/story/generate
	@$(MAKE) $(QUIET) -j4 SANITIZE=address,undefined test-unit
	@$(MAKE) $(QUIET) SANITIZE=address,undefined SEEDS=20 test-sim
	SEKISHO_BUILD=build/address-undefined $(PYTEST_SERVER) tests/server tests/story
	@$(MAKE) $(QUIET) SANITIZE=thread all
	@$(MAKE) $(QUIET) -j4 SANITIZE=thread test-unit
	SEKISHO_BUILD=build/thread $(PYTEST_SERVER) tests/server/test_cases.py tests/server/test_authorize.py \
	    tests/server/test_agi.py tests/server/test_rules.py tests/server/test_nodes.py \
	    tests/server/test_cluster.py tests/server/test_redis.py tests/server/test_campaigns.py \
	    tests/server/test_outbox_mail.py

.PHONY: test-lint
test-lint: # layers, options, numbering data, routes against the document
	@for check in tests/lint/*.py; do /usr/bin/python3 $$check || exit 1; done

PREFIX := /usr/local
.PHONY: install
install: all ## put the two programs and a systemd unit below PREFIX (/usr/local), or DESTDIR/PREFIX
	install -D -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/sekishod $(BUILD)/sekisho
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' api/systemd/sekishod.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/sekishod.service

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | while IFS="$$(printf '\t')" read -r name what; do \
	    printf '  make %-14s %s\n' "$$name" "$$what"; done

-include $(wildcard tests/*/*.mk)
-include $(shell [ -d $(BUILD) ] && find $(BUILD) -name '*.d')
