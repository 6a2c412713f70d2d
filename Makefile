# reviewd: `make` builds, `make run` tries it, `make test` tests it; `make help` lists the rest.
#
# SAN=address|undefined|thread builds with that sanitizer, in a build folder of its own.

SAN ?=
ifeq ($(SAN),)
  BUILD ?= build
else ifneq ($(filter $(SAN),address undefined thread),)
  BUILD ?= build/$(SAN)
  SANFLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
else
  $(error SAN=$(SAN) is not known; use SAN=address, SAN=undefined or SAN=thread)
endif

VERSION := 0.1.0
CC      ?= cc
PKGS    := libmicrohttpd libcurl jansson openssl sqlite3
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wno-gnu-zero-variadic-macro-arguments -Werror
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ALL_CFLAGS  = -std=c17 -D_GNU_SOURCE -DREVIEWD_VERSION='"$(VERSION)"' -Iinclude $(WARN) $(HARDEN) $(CFLAGS) $(SANFLAGS) \
              $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
ALL_LDFLAGS = -pthread -pie -Wl,-z,relro,-z,now $(LDFLAGS) $(SANFLAGS)
LIBS        = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm
ifneq ($(SAN),)
  HARDEN := -fPIE
endif

LIB_SRC := $(sort $(wildcard src/base/*.c src/net/*.c src/http/*.c src/sentiment/*.c src/aws/*.c src/store/*.c \
             src/notify/*.c src/reviews/*.c src/api/*.c src/cli/*.c))
GEN_SRC := $(sort $(wildcard src/generator/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
GEN_OBJ := $(GEN_SRC:%.c=$(BUILD)/%.o)
LIB     := $(BUILD)/libreviewd.a
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_BIN := $(UNIT_SRC:%.c=$(BUILD)/%)
SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
SUPPORT_OBJ := $(SUPPORT_SRC:%.c=$(BUILD)/%.o)

.PHONY: all clean unit
all: $(BUILD)/reviewd $(BUILD)/request_generator

$(BUILD)/reviewd: $(BUILD)/src/main.o $(LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/request_generator: $(GEN_OBJ) $(LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(if $(filter tests/%,$<),-Itests -Isrc) -MMD -MP -c -o $@ $<

# Unit tests: one binary a file, with an allocator that fails on command (tests/support/alloc.h).
WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(SUPPORT_OBJ) $(LIB)
	$(CC) $(ALL_LDFLAGS) $(WRAP) -o $@ $^ $(LIBS) -lcmocka

unit: $(UNIT_BIN)
	tests/tools/run-unit.sh $(UNIT_BIN)

clean:
	rm -rf build

.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(GEN_OBJ:.o=.d) $(SUPPORT_OBJ:.o=.d) $(UNIT_BIN:=.d) $(BUILD)/src/main.d
