# Fuzzing: each tests/fuzz/fuzz_NAME.c runs on its corpus for FUZZ_SECONDS, against the sources built by
# clang with the address and undefined-behaviour sanitizers. Seeds are in tests/fuzz/corpus/NAME; what is
# found on the way stays under build/fuzz, also the input of a crash, which ends `make`.

FUZZ_SECONDS  ?= 20
FUZZ_PACKAGES := clang libclang-rt-dev
FUZZ_BUILD    := build/fuzz
FUZZ_FLAGS    := -fPIE -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZERS       := $(patsubst tests/fuzz/fuzz_%.c,fuzz-%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: fuzz fuzz-library $(FUZZERS)
fuzz: $(FUZZERS) ## fuzz every parser, FUZZ_SECONDS (20) each; fuzz-NAME does one

fuzz-library: deps
	@service/install-packages --missing $(FUZZ_PACKAGES)
	@$(MAKE) --no-print-directory -s CC=clang BUILD=$(FUZZ_BUILD) \
	    HARDEN="$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link" $(FUZZ_BUILD)/libsekisho.a

$(FUZZERS): fuzz-%: tests/fuzz/fuzz_%.c fuzz-library
	@echo "== fuzz_$*, $(FUZZ_SECONDS) s"
	@mkdir -p $(FUZZ_BUILD)/corpus/$* $(FUZZ_BUILD)/found
	@clang -std=gnu17 -D_GNU_SOURCE -Iservice -include service/base/banned.h $(WARNINGS) $(FUZZ_FLAGS) \
	    -fsanitize=fuzzer -g -O1 -pthread -pie -o $(FUZZ_BUILD)/fuzz_$* $< $(FUZZ_BUILD)/libsekisho.a $(LIBS)
	@$(FUZZ_BUILD)/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(FUZZ_BUILD)/found/$*- \
	    -print_final_stats=1 $(FUZZ_BUILD)/corpus/$* $(wildcard tests/fuzz/corpus/$*) \
	    >$(FUZZ_BUILD)/$*.log 2>&1 || { tail -n 60 $(FUZZ_BUILD)/$*.log; exit 1; }
	@grep -E 'number_of_executed_units|new_units_added' $(FUZZ_BUILD)/$*.log
