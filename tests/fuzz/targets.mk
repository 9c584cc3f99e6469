# The targets of tests/fuzz/run, which says with which compiler and sanitizers.
include Makefile

$(BUILD)/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(BUILD)/parts.a
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(BUILD)/parts.a $(LIBS)
