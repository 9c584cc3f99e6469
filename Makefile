# soloftpd. `make run` tries it, `make check` tests it, `make install` installs it.
#   CC=clang             another compiler             } each in a build directory
#   SAN=address,undefined  sanitizers                 } of its own
#   DESTDIR= PREFIX=     for install
VERSION := 0.1.0
PREFIX  ?= /usr/local
SBIN    ?= $(PREFIX)/sbin
MAN     ?= $(PREFIX)/share/man
PORT    ?= 2121

ifeq ($(origin CC),default)
CC := gcc
endif
comma := ,
BUILD := build/$(notdir $(firstword $(CC)))$(if $(SAN),-$(subst $(comma),-,$(SAN)))

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wvla -Wundef -Wformat=2 \
	-Wformat-nonliteral -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wmissing-declarations -Wpointer-arith -Wcast-qual -Wwrite-strings -Wswitch-enum \
	-Wimplicit-fallthrough -Wnull-dereference -Wframe-larger-than=16384 -Werror
# A flag if the compiler knows it.
knows = $(shell echo 'int x;' | $(CC) -Werror $(1) -x c -c -o /dev/null - 2>/dev/null && echo '$(1)')
HARDEN := -fstack-protector-strong -fPIE -fno-common $(call knows,-ftrivial-auto-var-init=zero) \
	$(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-clash-protection -fcf-protection)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
CPPFLAGS += -Iinclude -D_GNU_SOURCE -DSOLOFTPD_VERSION='"$(VERSION)"'
CFLAGS  ?= -O2 -g
ALLFLAGS := -std=c11 $(CPPFLAGS) $(WARN) $(CFLAGS) $(HARDEN) $(SANFLAGS) -fdata-sections
# Small variables side by side, not each beside some large one: fewer pages are touched.
LDFLAGS += -pie -Wl,--sort-section=alignment -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed,-O1,--hash-style=gnu $(SANFLAGS)
# TCP wrappers come in as an archive: the shared library would load a resolver and Kerberos with it.
WRAPLIB ?= -l:libwrap.a
# The sanitizer's own crypt() passes on to one that must be there before PAM brings it.
# So do libcrypto's digests, and nothing else of it.
DIGESTLIB ?= -l:libcrypto.a
LIBS := $(WRAPLIB) $(DIGESTLIB) $(if $(SAN),-Wl$(comma)--no-as-needed -lcrypt)

# One short line a file; V=1 shows the commands.
Q := $(if $(V),,@)

SOURCES := $(wildcard src/*.c src/*/*.c)
OBJECTS := $(SOURCES:src/%.c=$(BUILD)/%.o)
TOOL    := $(filter $(BUILD)/ctl/% $(BUILD)/system/certificate.o,$(OBJECTS))
PARTS   := $(filter-out $(BUILD)/main.o $(TOOL),$(OBJECTS))
UNITS   := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*.c))

all: $(BUILD)/soloftpd $(BUILD)/soloftpctl

$(BUILD)/soloftpd: $(BUILD)/main.o $(PARTS)
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# The administrator's tool shares the policy, system and text parts.
$(BUILD)/soloftpctl: $(TOOL) $(BUILD)/parts.a
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: src/%.c
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) -include include/banned.h -MMD -MP -c -o $@ $<

# Everything but main.c, for the tests to link.
$(BUILD)/parts.a: $(PARTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/parts.a
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(ALLFLAGS) -Wno-error=null-dereference -Itests -MMD -MP $(LDFLAGS) -o $@ $< $(BUILD)/parts.a -lcmocka $(LIBS)

# Those whose clients speak TLS; the libraries are the ones that system/openssl loads.
$(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(shell grep -l tls_peer.h tests/unit/*.c)): LIBS := -lssl -lcrypto $(LIBS)

units: $(UNITS)

-include $(OBJECTS:.o=.d) $(UNITS:=.d)

include tests/targets.mk

# soloftpd under a real xinetd on a loopback port, with a login; PORT= chooses the port.
run:
	tests/packages build run
	$(MAKE) all
	tests/run-demo $(BUILD)/soloftpd $(PORT)

# Every test there is; ends with the counts.
check:
	tests/packages build check
	tests/check
# Random inputs, for TIME seconds a target.
fuzz:
	tests/packages build check fuzz
	tests/fuzz/run $(or $(TIME),60)
	tests/fuzz/run --afl $(or $(TIME),60)

# Many sessions at once, for TIME seconds.
soak:
	tests/packages build check
	$(MAKE) all
	tests/soak/run $(BUILD) $(or $(TIME),600) $(or $(SESSIONS),200)

# What sessions execute, compared with what they did.
bench-instructions: ; tests/packages build check && $(MAKE) all && tests/bench/instructions $(BUILD)

# Times, beside other servers: QUICK=1 in five minutes, ONLY=connect,login for some.
bench: ; tests/packages build run bench && $(MAKE) all loads && tests/bench/run $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(BUILD)

# How much of the sources the tests run, in lines and branches.
coverage: ; tests/packages build check coverage && tests/coverage/run

# Every call of a session fails in turn.
check-faults:
	tests/packages build check
	$(MAKE) all faults
	tests/faults/run $(BUILD) ALL

# TLS inside the kernel, in a virtual machine whose kernel has it.
check-ktls:
	tests/packages build ktls
	$(MAKE) all $(BUILD)/ktls-cases
	tests/ktls/run $(BUILD)

SHARE := $(DESTDIR)$(PREFIX)/share
install: all
	install -d $(addprefix $(DESTDIR),$(SBIN) $(MAN)/man5 $(MAN)/man8) $(addprefix $(SHARE)/,doc/soloftpd/systemd bash-completion/completions)
	install -m 755 $(BUILD)/soloftpd $(BUILD)/soloftpctl $(DESTDIR)$(SBIN)/
	install -m 644 docs/*.8 $(DESTDIR)$(MAN)/man8/
	install -m 644 docs/*.5 $(DESTDIR)$(MAN)/man5/
	install -m 644 docs/soloftpctl.bash-completion $(SHARE)/bash-completion/completions/soloftpctl
	install -m 644 README.md LICENSE xinetd.d/* docs/*.md $(wildcard docs/*.svg) $(SHARE)/doc/soloftpd/
	install -m 644 docs/systemd/* $(SHARE)/doc/soloftpd/systemd/

clean: ; rm -rf build
.PHONY: all units talks musl musl-server counted run check fuzz soak bench bench-instructions coverage check-faults check-ktls install clean
