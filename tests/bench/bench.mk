# What the numbers are and how they are taken: tests/bench/README.md.

BENCH_PACKAGES := wrk python3 nginx libnginx-mod-http-lua lua-nginx-redis
PARTS          ?=
BENCH_DIR      := $(BUILD)/tests/bench
BENCH          := $(addprefix $(BENCH_DIR)/,decide seed mhd_constant agi_constant agi_load) $(BUILD)/tests/story/generate

.PHONY: bench bench-programs
bench: test-deps ## measure sekisho against its rivals and goals (PARTS="cold lua …"); a table, and build/bench.json
	@service/install-packages --missing $(BENCH_PACKAGES)
	@$(MAKE) --no-print-directory -s all bench-programs
	@/usr/bin/python3 tests/bench/bench.py $(PARTS)

bench-programs: $(BENCH)

$(BENCH_DIR)/decide $(BENCH_DIR)/seed: $(BENCH_DIR)/%: $(BENCH_DIR)/%.o \
    $(addprefix $(BUILD)/tests/,bench/world.o bench/dialed.o unit/random.o) $(BUILD)/libsekisho.a
	$(CC) $(HARDEN) $(LINK) $(WHOLE_LINK) -pthread -o $@ $^ $(LIBS)

$(BENCH_DIR)/mhd_constant: $(BENCH_DIR)/mhd_constant.o
	$(CC) $(HARDEN) $(LINK) -pthread -o $@ $^ -lmicrohttpd

$(BENCH_DIR)/agi_constant: $(BENCH_DIR)/agi_constant.o
	$(CC) $(HARDEN) $(LINK) -pthread -o $@ $^

$(BENCH_DIR)/agi_load: $(BENCH_DIR)/agi_load.o $(BUILD)/libsekisho.a
	$(CC) $(HARDEN) $(LINK) -pthread -o $@ $^ $(LIBS)
