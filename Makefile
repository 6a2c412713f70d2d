# reviewd: `make` builds, `make run` tries it, `make test` tests it; `make help` lists the rest.
#
#: make            build build/reviewd and build/request_generator
#: make deps       install what the build needs (Debian)
#: make run        build and start the service on 127.0.0.1:8080, data under data/ (PORT=9090: elsewhere)
#: make test       unit tests, fuzz corpora and integration tests; installs what they need
#: make unit       the unit tests alone
#: make install    into $(DESTDIR)$(PREFIX), /usr/local by default
#: make clean      remove build/
#:
#: SAN=address|undefined|thread with any of them: built with that sanitizer, in build/SAN.

SAN ?=
override SAN := $(strip $(SAN))
ifeq ($(SAN),)
  BUILD ?= build
else ifeq ($(words $(SAN)) $(filter address undefined thread,$(SAN)),1 $(SAN))
  BUILD ?= build/$(SAN)
  SANFLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
else
  $(error SAN=$(SAN) is not known; use SAN=address, SAN=undefined or SAN=thread)
endif

VERSION := 0.1.0
CC      ?= cc
PKGS    := libmicrohttpd libcurl jansson openssl sqlite3
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wno-gnu-zero-variadic-macro-arguments -Werror
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ALL_CFLAGS  = -std=c17 -D_GNU_SOURCE -DREVIEWD_VERSION='"$(VERSION)"' -Iinclude $(WARN) $(HARDEN) $(CFLAGS) $(SANFLAGS) \
              $(PKG_CFLAGS)
ALL_LDFLAGS = -pthread -pie -Wl,-z,relro,-z,now $(LDFLAGS) $(SANFLAGS)
LIBS        = $(PKG_LIBS) -lm
ifneq ($(SAN),)
  HARDEN := -fPIE
endif

# What runs is shown in short; V=1 shows all of it.
ifeq ($(V),)
  say = @printf '  %-5s %s\n' $(1) $(2);
endif

LIB_SRC := $(sort $(wildcard src/base/*.c src/net/*.c src/http/*.c src/sentiment/*.c src/aws/*.c src/store/*.c \
             src/notify/*.c src/reviews/*.c src/api/*.c src/cli/*.c))
GEN_SRC := $(sort $(wildcard src/generator/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
GEN_OBJ := $(GEN_SRC:%.c=$(BUILD)/%.o)
GEN_PARTS := $(filter-out %/main.o,$(GEN_OBJ))
LIB     := $(BUILD)/libreviewd.a
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_BIN := $(UNIT_SRC:%.c=$(BUILD)/%)
REPLAY_BIN := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/tests/fuzz/replay_%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
TOOL_BIN := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/tools/*.c)))
SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
SUPPORT_OBJ := $(SUPPORT_SRC:%.c=$(BUILD)/%.o)
SUPPORT := $(BUILD)/tests/libsupport.a

.PHONY: all clean unit deps run test install help
all: $(BUILD)/reviewd $(BUILD)/request_generator

ifeq ($(PKG_LIBS),)
  $(if $(filter-out deps run test lint clean help format shape,$(or $(MAKECMDGOALS),all)),\
    $(error libraries are missing; `make deps` installs them on Debian))
endif

$(BUILD)/reviewd: $(BUILD)/src/main.o $(LIB)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/request_generator: $(GEN_OBJ) $(LIB)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(SUPPORT): $(SUPPORT_OBJ)
$(LIB): $(LIB_OBJ)
$(LIB) $(SUPPORT):
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) $(if $(filter tests/%,$<),-Itests -Isrc) -MMD -MP -c -o $@ $<

# Of the support only what a program uses is linked.
test_link = $(CC) $(ALL_LDFLAGS) $(1) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

# Unit tests: one binary a file, with an allocator that fails on command (tests/support/alloc.h).
# The allocator is linked in any case: libgcov, which comes last, is wrapped too.
WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=free -Wl,--undefined=__wrap_malloc
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(SUPPORT) $(LIB)
	$(call say,LINK,$@)$(call test_link,$(WRAP)) -lcmocka

# Programs that integration tests start. One of them is a unit test that needs a server.
$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(SUPPORT) $(LIB)
	$(call say,LINK,$@)$(call test_link)
$(BUILD)/tests/tools/dynamodb_contract: $(BUILD)/tests/tools/dynamodb_contract.o $(SUPPORT) $(LIB)
	$(call say,LINK,$@)$(call test_link,$(WRAP)) -lcmocka

# request_generator is a program of its own: its tests are linked with all of it but main.
$(BUILD)/tests/unit/generator/%: $(BUILD)/tests/unit/generator/%.o $(GEN_PARTS) $(SUPPORT) $(LIB)
	$(call say,LINK,$@)$(call test_link,$(WRAP)) -lcmocka

unit: $(UNIT_BIN)
	tests/tools/run-unit.sh $(UNIT_BIN)

# Fuzz corpora without libFuzzer: replay_NAME feeds tests/fuzz/corpus/NAME to fuzz_NAME.c.
$(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(SUPPORT) $(LIB)
	$(call say,LINK,$@)$(call test_link)

# What is missing is installed by a make of its own, so that the next one sees it.
SUBMAKE = $(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
deps:
	@deploy/install-deps.sh build

run:
	@deploy/install-deps.sh build run
	@$(SUBMAKE) all
	@deploy/run-local.sh $(BUILD)/reviewd

# Python of the tests, with the packages of tests/requirements.txt.
VENV := build/venv
$(VENV)/.installed: tests/requirements.txt
	@tests/tools/make-venv.sh $(VENV) $<
	@touch $@

# AWS's DynamoDB Local, if it can be had; it is tried once.
DYNAMODB_LOCAL := build/dynamodb-local
$(DYNAMODB_LOCAL)/.tried: tests/tools/dynamodb-local.xml
	@tests/tools/get-dynamodb-local.sh $< $(@D)

test:
	@deploy/install-deps.sh build test
	@$(SUBMAKE) test-programs
	@tests/tools/run-tests.sh $(BUILD) '$(SAN)' $(VENV)

.PHONY: test-programs
test-programs: all $(UNIT_BIN) $(REPLAY_BIN) $(TOOL_BIN) $(VENV)/.installed $(DYNAMODB_LOCAL)/.tried

PREFIX ?= /usr/local
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/doc/reviewd
	install -m 755 $(BUILD)/reviewd $(BUILD)/request_generator $(DESTDIR)$(PREFIX)/bin
	install -m 644 LICENSE CHANGELOG.md $(wildcard README.md config/reviewd.env) $(DESTDIR)$(PREFIX)/share/doc/reviewd

clean:
	rm -rf build

help:
	@sed -n 's/^#: //p' $(MAKEFILE_LIST)

include tests/tools/checks.mk

.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(GEN_OBJ:.o=.d) $(SUPPORT_OBJ:.o=.d) $(UNIT_BIN:=.d) $(BUILD)/src/main.d \
  $(wildcard $(BUILD)/tests/fuzz/*.d $(BUILD)/tests/tools/*.d $(BUILD)/tests/bench/*.d)
