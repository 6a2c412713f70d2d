# Checks of the code itself, fuzzing, coverage, benchmarks. Part of the Makefile.
#
#: make lint       formatting, clang-tidy, cppcheck, shellcheck, layers, exported symbols
#: make format     format all C files
#: make shape      what is longer, deeper or more repeated than docs/STYLE.md likes (never fails)
#: make fuzz       each fuzz target under libFuzzer for FUZZ_SECONDS=30
#: make coverage   HTML and a summary in build/coverage, from unit and integration tests
#: make bench      all benchmarks of docs/BENCHMARKS.md, and writes that file anew

.PHONY: lint lint-checks format shape fuzz fuzz-run coverage bench

C_FILES := $(sort $(wildcard src/*.c src/*/*.c tests/unit/*/*.c tests/support/*.c tests/fuzz/*.c tests/bench/*.c \
             tests/tools/*.c include/*/*.h src/*/*.h tests/support/*.h tests/unit/*/*.h))
# A table made by a script is as the script writes it.
FORMATTED := $(filter-out src/sentiment/lexicon_data.c,$(C_FILES))
SCRIPTS := .ci/run $(sort $(wildcard deploy/*.sh tests/tools/*.sh))

# --- lint: each file is looked at again only when it, or a header it includes, has changed -------------------

LINT := $(BUILD)/lint
LINT_C := $(filter %.c,$(FORMATTED))
TIDY_FLAGS = -std=c17 -D_GNU_SOURCE -DREVIEWD_VERSION='"$(VERSION)"' -Iinclude -Itests -Isrc $(PKG_CFLAGS)

lint:
	@deploy/install-deps.sh build test lint
	@$(SUBMAKE) --keep-going lint-checks
	@echo 'lint: all checks passed'

lint-checks: $(LINT)/format $(LINT)/shell $(LINT)/cppcheck $(LINT)/layers $(LINT)/symbols \
             $(patsubst %.c,$(LINT)/%.tidy,$(LINT_C))

$(LINT)/format: $(FORMATTED) .clang-format
	@mkdir -p $(@D)
	$(call say,CHECK,format)clang-format --dry-run --Werror $(FORMATTED)
	@! LC_ALL=C.UTF-8 grep -nE '^.{101,}' $(filter src/% include/%,$(FORMATTED)) || { echo 'longer than 100 columns'; false; }
	@touch $@

$(LINT)/shell: $(SCRIPTS)
	@mkdir -p $(@D)
	$(call say,CHECK,scripts)shellcheck -x $(SCRIPTS)
	@touch $@

CPPCHECK := cppcheck --quiet --error-exitcode=1 --std=c11 --language=c --inline-suppr \
  --enable=warning,performance,portability --suppressions-list=tests/tools/cppcheck.supp -D_GNU_SOURCE -Iinclude
$(LINT)/cppcheck: $(C_FILES) tests/tools/cppcheck.supp
	@mkdir -p $(@D)/cppcheck.cache
	$(call say,CHECK,cppcheck)$(CPPCHECK) -j2 --cppcheck-build-dir=$(@D)/cppcheck.cache src
	@touch $@

$(LINT)/layers: $(C_FILES) tests/tools/check-layers tests/tools/csource.py
	@mkdir -p $(@D)
	$(call say,CHECK,layers)tests/tools/check-layers
	@touch $@

$(LINT)/symbols: $(LIB_OBJ) $(GEN_OBJ) $(C_FILES) tests/tools/check-symbols tests/tools/csource.py
	@mkdir -p $(@D)
	$(call say,CHECK,symbols)tests/tools/check-symbols $(BUILD) $(LIB_OBJ) $(GEN_OBJ)
	@touch $@

# The object knows the headers, so the check depends on it.
$(LINT)/%.tidy: %.c $(BUILD)/%.o .clang-tidy $(wildcard tests/.clang-tidy tests/bench/.clang-tidy)
	@mkdir -p $(@D)
	$(call say,TIDY,$<)clang-tidy --quiet $< -- $(TIDY_FLAGS) 2>$@.log || { cat $@.log; false; }
	@mv $@.log $@

format:
	clang-format -i $(FORMATTED)

shape:
	@tests/tools/shape

# --- fuzz: a build of its own with clang; crashes are left in build/fuzz/crashes ------------------------------

FUZZ_SECONDS ?= 30
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SAN := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all

fuzz:
	@deploy/install-deps.sh build fuzz
	@$(SUBMAKE) BUILD=build/fuzz CC=clang HARDEN=-fPIE CFLAGS='-O1 -g -Wno-error' \
	  SANFLAGS='-fsanitize=fuzzer-no-link $(FUZZ_SAN)' $(FUZZ_NAMES:%=build/fuzz/fuzz_%)
	@tests/tools/run-fuzz.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ_NAMES)

$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(SUPPORT) $(LIB)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# --- coverage ----------------------------------------------------------------------------------------------

COVERAGE := build/coverage
coverage:
	@deploy/install-deps.sh build test coverage
	@$(SUBMAKE) BUILD=$(COVERAGE)/build HARDEN=-fPIE CFLAGS='-O0 -g' \
	  SANFLAGS='--coverage -fprofile-update=atomic' test-programs
	@find $(COVERAGE)/build -name '*.gcda' -delete
	@tests/tools/run-tests.sh $(COVERAGE)/build '' $(VENV) || echo 'coverage: some tests failed; going on'
	@mkdir -p $(COVERAGE)/html
	gcovr --root . --filter src/ --object-directory $(COVERAGE)/build --exclude-unreachable-branches \
	  --html-details $(COVERAGE)/html/index.html --txt $(COVERAGE)/summary.txt --print-summary $(COVERAGE)/build

# --- bench -------------------------------------------------------------------------------------------------

BENCH_SRC := $(sort $(wildcard tests/bench/*.c))
BENCH_BIN := $(BENCH_SRC:%.c=$(BUILD)/%)
.PHONY: bench-programs
bench-programs: all $(BENCH_BIN)
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(LIB)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

BENCH_VENV := build/bench-venv
$(BENCH_VENV)/.installed: tests/bench/requirements.txt
	@tests/tools/make-venv.sh $(BENCH_VENV) $<
	@touch $@

bench:
	@deploy/install-deps.sh build bench
	@$(SUBMAKE) bench-programs $(BENCH_VENV)/.installed
	@$(BENCH_VENV)/bin/python tests/bench/run.py --build $(BUILD)
