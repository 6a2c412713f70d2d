# Sourced by the test runners: the first finding of a sanitizer ends the program with a failure.
# shellcheck shell=bash
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export ASAN_OPTIONS="halt_on_error=1:exitcode=99:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:check_initialization_order=1:allocator_may_return_null=1"
export LSAN_OPTIONS="exitcode=98:suppressions=$tools/lsan.supp:print_suppressions=0"
export UBSAN_OPTIONS="halt_on_error=1:exitcode=97:print_stacktrace=1"
export TSAN_OPTIONS="halt_on_error=1:exitcode=96:second_deadlock_stack=1:allocator_may_return_null=1:suppressions=$tools/tsan.supp:print_suppressions=0"
