# The simulation: a cluster in one thread, on a store and a Redis that are played, under a clock of its own.
#   SEEDS=100 FROM=1    how many runs, and the first
SEEDS ?= 100
FROM  ?= 1

# threads, clocks and randomness are the simulation's (tests/sim/wrap.c)
SIM_WRAPS := pthread_create pthread_join pthread_mutex_lock pthread_mutex_unlock pthread_cond_wait \
             pthread_cond_timedwait pthread_cond_signal pthread_cond_broadcast clock_gettime getrandom fsync

$(BUILD)/tests/sim/sim: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/sim/*.c)) $(BUILD)/libsekisho.a
	$(CC) $(HARDEN) $(LINK) -fno-lto -pthread $(SIM_WRAPS:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)

.PHONY: test-sim
test-sim: $(BUILD)/tests/sim/sim ## simulated clusters, SEEDS (100) of them; each failure names its seed
	@$< --seeds $(SEEDS) --from $(FROM)
	@for part in feed order; do \
	    if $< --seeds 40 --without $$part >$<.log; then echo "sim: sees nothing wrong without $$part"; exit 1; fi; done
