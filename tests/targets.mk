# What the tests build beside the server. The Makefile includes this.

# The player of tests/talk, and with it whole sessions in-process.
$(BUILD)/talk-runner: $(wildcard tests/talk/*.c tests/talk/*.h) $(BUILD)/parts.a
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) -Itests $(LDFLAGS) -o $@ $(filter %.c,$^) $(BUILD)/parts.a $(LIBS)

# soloftpd with one command that lets its client try the walls: tests/client/test_walls.py.
$(BUILD)/soloftpd-acts: $(BUILD)/main.o tests/acts/acts.c $(BUILD)/parts.a
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) $(LDFLAGS) -Wl,--wrap=cmd_clnt -o $@ $^ $(LIBS)

talks: $(BUILD)/talk-runner $(BUILD)/soloftpd-acts

# The client of tests/ktls, for a virtual machine.
$(BUILD)/ktls-cases: $(wildcard tests/ktls/*.c tests/ktls/*.h)
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -lssl -lcrypto

# The server under musl. It has libcrypto's digests, which need nothing of a libc's; libwrap and libpam are glibc's, and
# stand-ins take their places. musl-gcc sees musl's headers first, and then the kernel's and the libraries'.
MULTIARCH = $(shell gcc -print-multiarch)
musl:
	LDFLAGS=-Wl,-rpath,$(CURDIR)/build/musl-gcc $(MAKE) \
		CC='musl-gcc -idirafter /usr/include -idirafter /usr/include/$(MULTIARCH)' \
		WRAPLIB=build/musl-gcc/wrappers.o DIGESTLIB=/usr/lib/$(MULTIARCH)/libcrypto.a \
		musl-server

musl-server: $(BUILD)/wrappers.o $(BUILD)/libpam.so.0 $(BUILD)/soloftpd $(BUILD)/talk-runner

$(BUILD)/soloftpd $(BUILD)/talk-runner: | $(filter %.o,$(WRAPLIB))

$(BUILD)/%.o: tests/musl/%.c
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) -c -o $@ $<

$(BUILD)/libpam.so.0: tests/musl/pam.c
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) -fPIC -shared -o $@ $<

# Every program with counters (tests/coverage). It is not optimised and not hardened: the branches that are counted are those of
# the source.
COUNTED := build/gcc-coverage
counted: $(COUNTED)/counters.o
	CFLAGS='-g -O0 -Wno-frame-larger-than --coverage -fprofile-update=atomic -fdata-sections' \
	LDFLAGS='$(COUNTED)/counters.o -Wl,-T,tests/coverage/shared.ld -Wl,--wrap=__gcov_exit --coverage' \
		$(MAKE) CC=gcc BUILD=$(COUNTED) HARDEN='-fPIE -fno-common' all units talks

$(COUNTED)/counters.o: tests/coverage/counters.c
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O2 -fPIE -DCOUNTERS='"$(CURDIR)/$(COUNTED)/counters"' -c -o $@ $<

# Sessions that meet faults: tests/faults. The names of system calls are those of the system's headers.
$(BUILD)/faults-calls.h:
	@mkdir -p $(@D)
	$(Q)printf '#include <sys/syscall.h>\n' | $(CC) $(CPPFLAGS) -E -dM - | \
		sed -n 's/^#define SYS_\([a-z0-9_]*\) .*/{"\1", SYS_\1},/p' | sort >$@

$(BUILD)/faults: $(filter-out %/allocations.c,$(wildcard tests/faults/*.c)) tests/faults/faults.h $(BUILD)/faults-calls.h
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) -I$(BUILD) $(LDFLAGS) -o $@ $(filter %.c,$^)

$(BUILD)/faults-allocations.so: tests/faults/allocations.c tests/faults/faults.h
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) -fPIC -shared -o $@ $<

# What makes load, and the least a server can do: tests/bench.
$(BUILD)/load: tests/bench/load.c tests/bench/load_ftp.c tests/bench/load.h
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -lssl -lcrypto

LIMIT := -std=c11 -D_GNU_SOURCE $(WARN) -O2 -mavx2 -fno-stack-protector
$(BUILD)/limit: $(addprefix tests/bench/,limit.c limit_list.c limit_plain.c limit.h)
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(LIMIT) -static -nostdlib -ffreestanding -fno-pie -fno-builtin \
		-fno-asynchronous-unwind-tables -Wl,--build-id=none -o $@ $(filter %.c,$^)

$(BUILD)/limit-tls: $(addprefix tests/bench/,limit.c limit_list.c limit_tls.c limit.h)
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(LIMIT) -o $@ $(filter %.c,$^) -lssl -lcrypto

# The limit is written for one kind of processor, and left out on others.
loads: $(BUILD)/load $(if $(shell grep -m1 -o avx2 /proc/cpuinfo),$(addprefix $(BUILD)/,limit limit-tls))
.PHONY: loads

faults: $(BUILD)/soloftpd $(BUILD)/faults $(BUILD)/faults-allocations.so
.PHONY: faults
